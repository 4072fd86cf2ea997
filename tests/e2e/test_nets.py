# SPDX-License-Identifier: Apache-2.0
"""The network of the fault tests does what it is told: a cut that lets packets through would make
every test of partitions pass."""
import subprocess
import time

import pytest

import nets

# Every host sends numbered datagrams to every other one and prints from whom how many came.
TALK = """
import collections, socket, sys, time
begin, me, count, hosts = float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((me, 5000))
s.settimeout(0.02)
heard, sent = collections.Counter(), 0
time.sleep(max(0, begin - time.monotonic()))
while time.monotonic() < begin + 1.2:
    if sent < count:
        sent += 1
        for host in hosts:
            s.sendto(sys.argv[1].encode(), (host, 5000))
    try:
        while True:
            data, sender = s.recvfrom(99)
            heard[sender[0]] += data == sys.argv[1].encode()  # not what an earlier one sent
    except OSError:
        pass
print(*(f"{host} {heard[host]}" for host in hosts))
"""


@pytest.fixture(scope="module")
def net():
    made = nets.Net(3)
    yield made
    made.close()
    assert not [name for name in nets.namespaces() if name == made.name_of(0)]


def heard(net, count=3):
    """How many datagrams host a had from b, as table[a][b]."""
    hosts = [net.address_of(k) for k in range(net.size)]
    begin = time.monotonic() + 0.8
    talks = [subprocess.Popen(["nsenter", f"--net=/run/netns/{net.name_of(k)}", "/usr/bin/python3",
                               "-c", TALK, str(begin), hosts[k], str(count), *hosts], text=True,
                              stdout=subprocess.PIPE) for k in range(net.size)]
    said = [talk.communicate(timeout=30)[0].split() for talk in talks]
    return [[int(n) for n in words[1::2]] for words in said]


def test_what_is_cut_is_cut_and_what_is_healed_is_whole(net):
    net.split([0, 1], [1, 2])
    net.cut([0], [1])
    assert heard(net) == [[3, 3, 0], [0, 3, 3], [0, 3, 3]]
    net.heal()
    assert heard(net) == [[3, 3, 3]] * 3


def test_what_is_lost_is_about_what_was_asked_for(net):
    net.lose(50)
    found = heard(net, 20)
    arrived = sum(found[a][b] for a in range(3) for b in range(3) if a != b)
    assert 30 < arrived < 90, found  # of 120
    net.heal()
