# SPDX-License-Identifier: Apache-2.0
"""Disks that lie and disks that are full: whatever a data folder has become, an agent starts with
what is true, or says that it cannot; and what was acknowledged is on the others."""
import os
import random
import struct
import subprocess
import time

import pytest

from agent import ApiError, eventually
from conftest import needs_agent
from faults import SOAK, Story, Writer, cannot, now_ns, say, short_or_long

pytestmark = needs_agent

PAGE = 4096
TRIALS = short_or_long(4, 120)
REFUSALS = {1, 8, 78}


def used_bytes(path):
    """What LMDB has in use of its file: two pages begin it, each with the number of the last."""
    with open(path, "rb") as file:
        head = file.read(2 * PAGE)
    ends = [struct.unpack_from("<QQ", head, k * PAGE + 136) for k in (0, 1)]
    return PAGE * (1 + max(ends, key=lambda end: end[1])[0])


class Damage:
    """One flipped bit, or a file cut short; `mend` takes it back."""

    def __init__(self, path, luck):
        size = used_bytes(path)
        with open(path, "rb") as file:
            self.before = file.read(size)
        self.path, self.at = path, luck.randrange(2 * PAGE, size)
        with open(path, "r+b") as file:
            if luck.random() < 0.2:
                self.what = f"cut at {self.at}"
                file.truncate(self.at)
            else:
                bit = 1 << luck.randrange(8)
                self.what = f"bit {bit} of byte {self.at}"
                file.seek(self.at)
                file.write(bytes([self.before[self.at] ^ bit]))

    def mend(self):
        with open(self.path, "r+b") as file:
            file.seek(self.at)
            file.write(self.before[self.at:])


def start_damaged(agent):
    """True if it starts. If not, it must have said why."""
    mark = len(agent.log())
    agent.start(wait=False)

    def decided():
        return agent.process.poll() is not None or agent.request("GET", "/health").status
    eventually(decided, 15, "it starts or refuses")
    if agent.is_up():
        return True
    said = agent.log()[mark:]
    assert agent.process.returncode in REFUSALS, (agent.process.returncode, said)
    assert agent.data in said and "damaged" in said, said
    return False


@pytest.mark.limit(120 + TRIALS * 30)
def test_flipped_bits_and_cuts_never_make_a_wrong_row(clusters):
    c, luck = clusters(3, slots=40), random.Random(0xF11B)
    c.wait_benches()
    story, victim = Story(c), c[2]
    story.submit_all(story.jobs(30), labels={"padding": "x" * 100})
    specs = {name: job["spec"] for name, job in c[0].jobs().items()}
    started = 0
    for _ in range(TRIALS):
        victim.kill9()
        damage = Damage(os.path.join(victim.data, "data.mdb"), luck)
        if start_damaged(victim):
            started += 1
        else:
            damage.mend()
            victim.start()
        eventually(lambda: {n: j["spec"] for n, j in victim.jobs().items()} == specs, 30,
                   f"{damage.what}: it lists what is true")
    # What the victim has lost it says with its answer to the next beat; the first node must not die
    # before, or the second alone knows what only the two of them can decide about.
    time.sleep(1.5)
    c.wait_benches()
    say(f"    {TRIALS} damages: {started} starts, {TRIALS - started} refusals")
    c[0].kill9()
    eventually(lambda: {n: j["spec"] for n, j in victim.jobs().items()} == specs, 30,
               "its rows are true without the first node")
    if SOAK:
        c[0].start()
        c.wait_members()
    story.judge("bits flipped and files cut on one disk of three", settle=40)


@pytest.fixture
def small_disk():
    mounted = []

    def mount(path, size):
        os.makedirs(path)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path],
                              check=False, capture_output=True, text=True)
        if done.returncode != 0:
            cannot(f"mounts no small disks: {done.stderr.strip()}")
        mounted.append(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", path], check=False)


def fill(path):
    """What is left of a disk, to the last byte."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, PAGE, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass


@pytest.mark.limit(300)
def test_a_full_disk_and_its_release(small_disk, clusters):
    """Of three nodes one has no room left: neither for rows, nor for the records of guards or for
    output. Clients go on; one of the others is killed meanwhile."""
    c = clusters(3, slots=40, start=False)
    small_disk(c[2].data, "80m")  # the table's file takes 64 MiB of it at once
    c.start()
    c.wait_benches()
    story = Story(c)
    story.submit_all(story.jobs(30))
    ballast = os.path.join(c[2].data, "ballast")
    for _ in range(short_or_long(1, 10)):
        fill(ballast)
        begin = now_ns()
        with Writer(story, list(c), "late", keep=8):
            c[1].kill9()
            eventually(lambda: not [p for p in c.processes() if p.node == c[1].name], 10, "dead")
            time.sleep(short_or_long(1, 10))
            c[1].start()
        assert c[2].is_up(), c[2].log(20)
        os.remove(ballast)
        story.settle(70)
        say(f"    a full disk, {(now_ns() - begin) / 1e9:.0f} s in all: all well "
            f"{story.settled_s:.1f} s after there was room again")
    story.judge("one disk of three full, another node killed meanwhile")


def test_a_disk_of_eight_megabytes_is_refused_in_words(small_disk, clusters):
    c = clusters(1, start=False)
    small_disk(c[0].data, "8m")
    c[0].start(wait=False)
    c[0].may_complain = True
    assert c[0].exit_code() in REFUSALS
    assert "space" in c[0].log() and c[0].data in c[0].log(), c[0].log()
    with pytest.raises((ApiError, OSError)):
        c[0].get("/v1/status")
