# SPDX-License-Identifier: Apache-2.0
"""Exclusive jobs: never two at one instant, whatever happens to the agents. (R36 to R41)"""
import time

import pytest

from agent import eventually, holds
from conftest import needs_agent

pytestmark = needs_agent

# The job itself writes when it was alive: its own word is later than any kill by at most a beat.
BEAT = ("while :; do read up _ </proc/uptime; echo $up $MUSTER_NODE $MUSTER_RUN_TOKEN $$ >>{file}; "
        "sleep 0.02; done")


def beating(tmp_path, name):
    path = tmp_path / f"{name}.beats"
    return path, ["/bin/sh", "-c", BEAT.format(file=path)]


def lives(path):
    """(token, node, first, last) of every process that has written, in order of its first word."""
    seen = {}
    for line in path.read_text().splitlines():
        up, node, token, pid = line.split()
        first, _ = seen.get((int(token), node, pid), (float(up), None))
        seen[(int(token), node, pid)] = (first, float(up))
    return sorted(((first, last, token, node) for (token, node, _), (first, last) in seen.items()))


def check(path):
    """The gaps between one life and the next; none of them may begin before the last has ended."""
    told = lives(path)
    for (_, last, token, node), (first, _, later, where) in zip(told, told[1:]):
        assert first > last, f"{later} on {where} began before {token} on {node} had ended"
        assert later >= token, "a token fell"
    return [after[0] - before[1] for before, after in zip(told, told[1:])]


def submit(cluster, name, argv, **fields):
    def stored():
        return cluster.up()[0].submit(name, argv, partition="exclusive", **fields)["copies"] >= 3
    eventually(stored, 40, f"{name} is stored on three nodes", pause=0.1)
    return cluster.wait_once([name], 30)[name]


@pytest.mark.limit(120)
def test_an_exclusive_job_goes_on_elsewhere_when_its_lease_is_over(clusters, tmp_path):
    c = clusters(3, slots=4)
    path, argv = beating(tmp_path, "only")
    before = submit(c, "only", argv)
    victim = next(agent for agent in c if agent.name == before.node)
    victim.kill9()
    other = next(agent for agent in c.up())
    why = eventually(lambda: other.get("/v1/why/only")["summary"], 2, "somebody answers")
    assert "exclusive" in why or "is gone" in why, why
    after = c.wait_once(["only"], 20)["only"]
    assert after.node != before.node and after.token > before.token
    gaps = check(path)
    assert len(gaps) == 1 and gaps[0] < 12
    victim.start()
    c.wait_members()
    holds(lambda: c.wait_once(["only"], 5)["only"].pid == after.pid, 3, "it stays where it is")
    check(path)


@pytest.mark.limit(120)
def test_a_paused_agents_exclusive_job_never_overlaps_its_successor(clusters, tmp_path):
    c = clusters(3, slots=4)
    path, argv = beating(tmp_path, "only")
    before = submit(c, "only", argv, on_agent_loss="keep")
    victim = next(agent for agent in c if agent.name == before.node)
    victim.stop()
    try:
        eventually(lambda: lives(path)[-1][3] != before.node, 40, "it runs elsewhere")
    finally:
        victim.cont()
    time.sleep(2)
    after = c.wait_once(["only"], 20)["only"]
    assert after.token > before.token
    check(path)


@pytest.mark.limit(120)
def test_an_exclusive_task_ends_once_and_its_name_is_free_again(clusters, tmp_path):
    c = clusters(3, slots=4)
    done = tmp_path / "done"
    word = ["/bin/sh", "-c", f"echo $MUSTER_RUN_TOKEN >>{done}"]
    eventually(lambda: c[0].submit("once", word, kind="task", partition="exclusive")["copies"] >= 3,
               40, "it is stored on three nodes")
    eventually(lambda: c[0].runs("?job=once")[0]["state"] == "done", 20, "the task is done")
    assert len(done.read_text().split()) == 1
    reply = c[0].delete("/v1/jobs/once")
    assert reply["run_may_live_until"] is None
    path, argv = beating(tmp_path, "again")
    # It is deaf to the request to stop, so that it lives when the deletion is answered: that waits
    # for every copy, and who ends at once may be gone before the slowest disk has it.
    c[0].submit("once", argv, partition="exclusive", stop_signal="WINCH", stop_timeout="1s")
    first = c.wait_once(["once"], 20)["once"]
    reply = c[1].delete("/v1/jobs/once")
    assert reply["run_may_live_until"] is not None
    eventually(lambda: not c.processes(), 5, "a deleted job ends")
    c[2].submit("once", argv, partition="exclusive")
    assert c.wait_once(["once"], 20)["once"].token > first.token
    check(path)
