# SPDX-License-Identifier: Apache-2.0
"""Agents and guards are killed and stopped, while clients go on. At the end of each test every
acknowledged job runs once, none that was deleted has come back, and the histories that the jobs
wrote themselves show nothing that may not be."""
import random
import signal
import time

import pytest

import procs
from agent import eventually
from conftest import needs_agent
from faults import SOAK, Writer, patient, say, short_or_long, stage, story_on

pytestmark = needs_agent

LEASE_S = 4  # the shortest that a lease can have left, and a bit
KILLS, JOBS = short_or_long((4, 80), (100, 200))


@pytest.fixture(scope="module")
def five():
    with stage(5, slots=60) as cluster:
        cluster.wait_benches()
        yield cluster


@pytest.mark.limit(60 + KILLS * 20)
def test_agents_are_killed_in_a_loop(five):
    luck = random.Random(0x6B111)
    with story_on(five) as story:
        story.submit_all(story.jobs(JOBS))
        with Writer(story, five.agents, "late"):
            for _ in range(KILLS):
                victim = luck.choice(five.agents)
                victim.kill9()
                time.sleep(luck.choice([0, 0.2, 0.2, 1, 2]))
                victim.start()
        five.wait_members()
        story.judge(f"{KILLS} agents of 5 killed, one after the other", settle=60)
        say(f"    gaps: {[(mode, story.gaps(mode)) for mode in story.modes]}")


PAUSES = short_or_long([4], [1, 2, 4, 8, 12, 20, 40])


def guards_of(found, node=None):
    """Guard to its job's process, as the process table has them; some may be ending just now."""
    return {p.parent: p for p in found.values()
            if node in (None, p.node) and procs.exe(p.parent) == procs.GUARD}


@pytest.mark.limit(120 + 4 * sum(PAUSES))
def test_guards_are_killed_and_their_jobs_die_with_them_and_start_anew(five):
    with story_on(five) as story:
        for _ in range(short_or_long(1, 20)):
            before = story.submit_all(story.jobs(20), seconds=90)
            struck = dict(list(guards_of(before).items())[:10])
            assert len(struck) == 10
            for guard in struck:
                procs.kill(guard, signal.SIGKILL)
            left = procs.gone([p.pid for p in struck.values()], patient(1))
            assert not left, f"outlived their guards: {left}"
            after = story.settle(90)  # a back-off may have grown to a minute
            for p in struck.values():
                assert after[p.job].start > p.start, f"{p.job} is not a new process"
        story.judge("guards killed")


def halt(cluster, agent, kind, number):
    """`kind`: agent, guards, or both, of one node."""
    if kind != "agent":
        for guard in guards_of(dict(enumerate(cluster.processes())), agent.name):
            procs.kill(guard, number)
    if kind != "guards":
        agent.send(number)


def stand_still(story, victims, seconds):
    """Victims: agent to kind. Returns when all is well again, and how long that took."""
    five = story.cluster
    with Writer(story, [a for a in five if a not in victims], "late"):
        for agent, kind in victims.items():
            halt(five, agent, kind, signal.SIGSTOP)
        time.sleep(seconds)
        for agent, kind in victims.items():
            halt(five, agent, kind, signal.SIGCONT)
    story.settle(40)
    say(f"    {', '.join(victims.values())} stopped for {seconds} s: all well "
        f"{story.settled_s:.1f} s after they went on")


@pytest.mark.limit(120 + 4 * sum(PAUSES))
def test_agents_and_guards_stand_still(five):
    """While a guard stands still and its agent too, nobody is left who could end the job, and
    beyond a lease it runs beside its successor: exclusive ones are tried for as long as the
    assumption holds that a guard gets to run (docs/invariants.md)."""
    with story_on(five) as story:
        story.submit_all(story.jobs(40))
        if SOAK:
            for turn, seconds in enumerate(PAUSES):
                for k, kind in enumerate(("agent", "guards")):
                    stand_still(story, {five[(turn + k) % 5]: kind}, seconds)
        else:
            stand_still(story, {five[0]: "agent", five[1]: "guards", five[2]: "both"}, PAUSES[0])
        five.wait_members()
        story.judge("agents and guards stopped for " + ", ".join(map(str, PAUSES)) + " s")


@pytest.mark.limit(120 + 4 * sum(PAUSES))
@pytest.mark.soak
def test_an_agent_and_its_guards_stand_still_for_long(five):
    with story_on(five) as story:
        story.submit_all(story.jobs(40))
        for turn, seconds in enumerate(PAUSES):
            if seconds > LEASE_S:
                for job in [job for job, mode in story.wanted.items() if mode == "exclusive"]:
                    story.delete(five[0], job)
            stand_still(story, {five[turn % 5]: "both"}, seconds)
        five.wait_members()
        story.judge("agents with their guards stopped for " + ", ".join(map(str, PAUSES)) + " s")
