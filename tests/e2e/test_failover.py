# SPDX-License-Identifier: Apache-2.0
"""Agents die, and what they ran goes on elsewhere: once, soon, and with nothing forgotten."""
import time

import pytest

from agent import ApiError, eventually, holds
from conftest import needs_agent

pytestmark = needs_agent


def names(count):
    return [f"svc/{i:02}" for i in range(count)]


def submit_all(cluster, jobs, copies):
    """Submits to every agent in turn, until each reply says that it is on that many disks: a
    cluster that has just been founded still fills its benches."""
    agents = cluster.up()
    for i, job in enumerate(jobs):
        def stored():
            reply = agents[i % len(agents)].submit(job)
            return reply["copies"] >= copies
        eventually(stored, 40, f"{job} is stored {copies} times", pause=0.1)
    return cluster.wait_once(jobs, 20)


def elsewhere(cluster, jobs, dead):
    """Every job runs once and none of them on a node of `dead`; its processes by name."""
    gone = {agent.name for agent in dead}

    def fact():
        found = cluster.by_job()
        missing = [job for job in jobs if job not in found]
        stale = [job for job, p in found.items() if p.node in gone]
        assert not missing and not stale, f"missing {missing}, still on the dead node {stale}"
        return found

    return fact


def identities(found):
    return {job: (p.pid, p.token) for job, p in found.items()}


def test_a_killed_agents_services_run_on_the_others_within_three_seconds(clusters):
    """Proof of death needs no waiting (R55), nor do jobs that end with their agent (R56)."""
    c = clusters(3, slots=20)
    jobs = names(24)
    before = submit_all(c, jobs, copies=3)
    lost = {job: p for job, p in before.items() if p.node == c[1].name}
    assert lost, "the ring gave the victim nothing to lose"

    c[1].kill9()
    after = eventually(elsewhere(c, jobs, [c[1]]), 3, "all 24 run on the other two")
    for job, old in before.items():
        if job in lost:
            assert after[job].token > old.token, f"{job} went on with an old token"
        else:
            assert after[job].pid == old.pid, f"{job} was moved though its node lives"
    stable = identities(after)
    holds(lambda: identities(c.by_job()) == stable, 3, "each runs once, and stays")


def test_a_node_that_returns_disturbs_nothing_and_brings_no_deleted_job(clusters):
    """A tombstone waits for the member that is away (R21, R22)."""
    c = clusters(3, slots=20)
    jobs = names(24)
    before = submit_all(c, jobs, copies=3)
    c[1].kill9()
    eventually(elsewhere(c, jobs, [c[1]]), 3, "all 24 run on the other two")

    deleted = next(job for job, p in before.items() if p.node == c[1].name)
    c[2].delete(f"/v1/jobs/{deleted}")
    left = [job for job in jobs if job != deleted]
    stable = identities(c.wait_once(left, 10))

    c[1].start()
    c.wait_members()
    holds(lambda: identities(c.by_job()) == stable, 6, "the same processes, and no deleted job")
    for agent in c:
        eventually(lambda a=agent: sorted(a.jobs()) == left, 10, f"{agent.name} lists 23 jobs")
        with pytest.raises(ApiError) as refused:
            agent.get(f"/v1/jobs/{deleted}")
        assert refused.value.status == 404


@pytest.mark.limit(240)
def test_all_agents_killed_at_once_come_back_with_every_job_once(clusters):
    """Blackout (R46, P5)."""
    c = clusters(3, slots=20)
    jobs = names(24)
    before = submit_all(c, jobs, copies=3)
    for agent in c:
        agent.kill9()
    eventually(lambda: not c.processes(), 6, "no job outlives its agent")

    c.start()
    after = c.wait_once(jobs, 60)
    for job in jobs:
        assert after[job].token > before[job].token, f"{job}: a token was used again or fell"
    stable = identities(after)
    holds(lambda: identities(c.by_job()) == stable, 5, "each runs once, and stays")


@pytest.mark.limit(240)
def test_two_nodes_take_over_from_each_other(clusters):
    """(R42)"""
    c = clusters(2, slots=20)
    jobs = names(8)
    before = submit_all(c, jobs, copies=2)
    for victim, survivor in ((c[1], c[0]), (c[0], c[1])):
        victim.kill9()
        # The survivor may lack a quorum (of two, the higher seat does) and has to be up for a while
        # before it may decide alone (R42).
        after = eventually(elsewhere(c, jobs, [victim]), 30, f"all 8 run on {survivor.name}")
        assert all(after[job].token >= before[job].token for job in jobs)
        victim.start()
        c.wait_members()
        labels = {"turn": victim.name[:2]}
        eventually(lambda: survivor.submit(jobs[0], labels=labels)["copies"] == 2, 40,
                   "both hold the jobs again", pause=0.2)
        before = c.wait_once(jobs, 20)


def test_one_node_alone_works(clusters):
    c = clusters(1, slots=4)
    first = submit_all(c, ["solo"], copies=1)["solo"]
    done = c[0].submit("once", ["/bin/sh", "-c", "exit 0"], kind="task")
    assert done["created"] and done["copies"] == 1
    eventually(lambda: c[0].runs("?job=once")[0]["state"] == "done", 10, "the task is done")

    c[0].kill9()
    eventually(lambda: not c.processes(), 6, "the service ended with its agent")
    c[0].start()
    second = c.wait_once(["solo"], 30)["solo"]
    assert second.token > first.token
    assert c[0].runs("?job=once")[0]["state"] == "done"

    assert c[0].term() == 0
    assert not c.processes()


def test_forty_services_on_thirty_slots_wait_for_the_fourth_node(clusters):
    """Who finds no room waits (R27, R35)."""
    c = clusters(3, slots=10)
    jobs = names(40)
    for i, job in enumerate(jobs):
        eventually(lambda: c[i % 3].submit(job), 20, f"{job} is accepted", pause=0.1)
    eventually(lambda: len(c.by_job()) == 30, 20, "thirty run")
    holds(lambda: all(len(c.on_node(agent)) == 10 for agent in c), 1, "ten on each node")
    for agent in c:
        waiting = eventually(lambda a=agent: (r := a.runs("?state=pending")) and len(r) == 10 and r,
                             5, f"{agent.name} shows ten waiting")
        for run in waiting:
            assert run["node"] is None and run["reason"], f"no reason: {run}"
            assert "slot" in run["reason"], run["reason"]
        assert agent.get("/v1/status")["waiting"] == 10
    settled = identities(c.by_job())

    fourth = c.add(slots=10)
    eventually(lambda: c[0].members()[fourth.name]["status"] == "alive", 10, "the fourth is in")
    eventually(lambda: len(c.on_node(fourth)) == 10, 1, "the ten start there")
    c.wait_once(jobs, 5)
    holds(lambda: settled.items() <= identities(c.by_job()).items(), 3, "nobody else is moved")
    assert c[0].get("/v1/status")["waiting"] == 0


@pytest.mark.limit(400)
def test_an_acknowledged_submit_survives_its_agent_fifty_times(clusters):
    c = clusters(3, slots=60)
    c.wait_benches()
    kept = []
    for i in range(50):
        victim = c[i % 3]
        witness = c[(i + 1) % 3]
        job = f"kept/{i:02}"
        reply = eventually(lambda: victim.submit(job), 30, f"{job} is acknowledged", pause=0.05)
        victim.kill9()
        assert reply["copies"] >= 2, f"{job} was acknowledged with one copy beside two others"
        kept.append(job)
        eventually(lambda: witness.get(f"/v1/jobs/{job}"), 10, f"{witness.name} knows {job}")
        victim.start()
        eventually(lambda: c.wait_members() is None, 20, "three again")
    c.wait_once(kept, 30)
    for agent in c:
        eventually(lambda a=agent: sorted(a.jobs()) == sorted(kept), 20, f"{agent.name} has all")


def test_a_stopped_agent_hands_over_and_leaves(clusters):
    """SIGTERM is a drain with an end (R32, R48)."""
    c = clusters(3, slots=20)
    jobs = names(9)
    submit_all(c, jobs, copies=3)
    begin = time.monotonic()
    assert c[2].term() == 0
    assert time.monotonic() - begin < 60
    after = c.wait_once(jobs, 5)
    assert c[2].name not in {p.node for p in after.values()}
    eventually(lambda: c[0].members().get(c[2].name, {}).get("status") in ("left", None), 5,
               "it left, and is not called dead")
