# SPDX-License-Identifier: Apache-2.0
"""Somebody who has no key, on the network of an encrypted pool: garbage, messages that look well,
what was overheard and said again, all of it fifty thousand times a second, and tables that never
end. One who may join floods a plain pool with members that are not there. The agent keeps its
members and its jobs, and its memory stays flat."""
import os
import random
import socket
import struct
import subprocess
import threading
import time

import pytest

from agent import BUILD, GOSSIP_PORT, PATIENCE, eventually
from cluster import Cluster
from faults import SOAK, cannot, say, short_or_long

PACKETS = os.path.join(BUILD, "kit", "packets")
RATE = 50000
SECONDS = short_or_long(2, 40)
WARM_UP = short_or_long(1, 10)
FLAT_KIB = 4096 * (4 if PATIENCE > 1 else 1)


def raw(text):
    data = text if isinstance(text, bytes) else text.encode()
    return (bytes([0xa0 | len(data)]) if len(data) < 32 else
            b"\xda" + struct.pack(">H", len(data))) + data


def alive(name, address, port, delegate=b"\x00\x00\x00"):
    """As memberlist writes it; bytes."""
    return (b"\x04\x86" + raw("Addr") + raw(socket.inet_aton(address)) + raw("Incarnation") +
            b"\x01" + raw("Meta") + b"\xc0" + raw("Node") + raw(name) + raw("Port") + b"\xcd" +
            struct.pack(">H", port) + raw("Vsn") + raw(b"\x01\x05\x02" + delegate))


def dead(name, accuser):
    return (b"\x05\x83" + raw("From") + raw(accuser) + raw("Incarnation") + b"\x7f" + raw("Node") +
            raw(name))


def garbage(luck):
    return [luck.randbytes(luck.randint(1, 1400)) for _ in range(2000)]


def strangers(luck, names):
    """Members that are not there, at addresses that nobody has, and the deaths of real ones."""
    made = [alive(f"ghost{i}", f"127.0.{200 + i % 50}.{1 + i // 50}", 7946) for i in range(6000)]
    return made + [dead(luck.choice(names), "ghost1") for _ in range(2000)]


def overheard(host, seconds):
    """Datagrams to that host as they come by; needs root."""
    kept, until = [], time.monotonic() + seconds
    try:
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    except OSError:
        cannot("lets no test overhear its own loopback")
    with ear:
        ear.bind(("lo", 0))
        ear.settimeout(0.2)
        while time.monotonic() < until:
            try:
                packet = ear.recv(65536)
            except TimeoutError:
                continue
            head = (packet[0] & 15) * 4
            port = struct.unpack(">H", packet[head + 2:head + 4])[0]
            if packet[9] == 17 and packet[16:20] == socket.inet_aton(host) and port == GOSSIP_PORT:
                kept.append(packet[head + 8:])
    return kept


def flood(agent, packets, seconds=SECONDS):
    """Returns the process; its input is written."""
    process = subprocess.Popen([PACKETS, agent.host, str(GOSSIP_PORT), str(RATE), str(seconds)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for packet in packets:
        process.stdin.write(struct.pack(">H", len(packet)) + packet)
    process.stdin.close()
    return process


def rss_kib(agent):
    with open(f"/proc/{agent.pid}/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmRSS")))


def endless(agent, stop):
    """Tables that never end: plain, and as if they were sealed."""
    heads = [b"\x06\x83" + raw("Join") + b"\xc3" + raw("Nodes") + b"\xce\x00\x0f\xff\xff" +
             raw("UserStateLen") + b"\x00", b"\x0a\x01\x00\x00\x00", b"\x0a\xff\xff\xff\xff",
             b"\x09\x82" + raw("Algo") + b"\x00" + raw("Buf") + b"\xdb\x01\x00\x00\x00"]
    while not stop.is_set():
        for head in heads:
            try:
                with socket.create_connection((agent.host, GOSSIP_PORT), timeout=1) as tcp:
                    tcp.sendall(head)
                    for _ in range(64):
                        tcp.sendall(bytes(65536))
            except OSError:
                pass  # it has had enough of us


def storm(agent, packets, seconds):
    """All of it at once, tables that never end included; how much was sent, and the slowest
    answer of the agent meanwhile."""
    stop, worst = threading.Event(), 0
    process = flood(agent, packets, seconds)
    tables = [threading.Thread(target=endless, args=(agent, stop)) for _ in range(2)]
    for thread in tables:
        thread.start()
    while process.poll() is None:
        begin = time.monotonic()
        agent.get("/v1/status", timeout=10)
        worst = max(worst, time.monotonic() - begin)
        time.sleep(0.1)
    stop.set()
    for thread in tables:
        thread.join()
    with process.stdout as out:
        return int(out.read()), worst


def endure(cluster, jobs, name, packets):
    """A storm against the first agent, and then members and jobs are as before."""
    agent = cluster[0]
    storm(agent, packets, WARM_UP)  # what is taken once is taken now
    before = rss_kib(agent)
    sent, worst = storm(agent, packets, SECONDS)
    after = rss_kib(agent)
    say(f"flood of {name}: {sent / SECONDS:.0f} datagrams a second for {SECONDS} s, memory "
        f"{before} to {after} KiB, slowest answer {worst * 1000:.0f} ms")
    assert after - before < FLAT_KIB, f"{name}: {before} to {after} KiB"
    for agent in cluster:
        ours = {m["name"]: m["status"] for m in agent.members().values() if not m["foreign"]}
        assert set(ours.values()) <= {"alive", "suspect"} and len(ours) == len(jobs), ours
    eventually(lambda: {r["run"]: r["pid"] for r in cluster[0].runs()} == jobs, 10,
               f"{name}: the jobs run on")


@pytest.fixture(name="luck")
def a_seed():
    return random.Random(5)


def jobs_of(cluster):
    for k in range(len(cluster.agents)):
        cluster[0].submit(f"job/{k}")
    eventually(lambda: all(r["state"] == "running" for r in cluster[0].runs()) and
               len(cluster[0].runs()) == len(cluster.agents), 10, "all run")
    return {r["run"]: r["pid"] for r in cluster[0].runs()}


def test_who_has_no_key_changes_nothing(luck):
    key = subprocess.check_output([os.path.join(BUILD, "muster"), "keygen"], text=True).strip()
    with Cluster(3, extra=["--encrypt", key]) as c:
        jobs = jobs_of(c)
        names = [f"{a.name}.{m['id'][:8]}" for a in c for m in [c[0].members()[a.name]]]
        heard = overheard(c[0].host, 1.5)
        assert len(heard) > 1
        replays = heard * (1 + 2000 // len(heard))
        kinds = {"garbage": garbage(luck), "strangers": strangers(luck, names), "replays": replays}
        if not SOAK:
            kinds = {", ".join(kinds): [p for each in zip(*kinds.values()) for p in each]}
        for name, packets in kinds.items():
            endure(c, jobs, name, packets)
        assert {m["mode"] for m in c[0].members().values()} == {"open"}  # no ghost came in


def test_a_plain_pool_is_full_and_lives(luck):
    with Cluster(3, extra=["--max-members", "1024"]) as c:
        jobs = jobs_of(c)
        endure(c, jobs, "members", strangers(luck, ["ghost2"]))
