# SPDX-License-Identifier: Apache-2.0
"""Jobs that misbehave: they multiply, take no notice, run away from their parent, talk without an
end, and kill the agent that started them. Their neighbours run on, and nothing of them is left."""
import os
import time

import pytest

import procs
from agent import eventually, holds
from conftest import needs_agent
from faults import patient, pids_into, say, short_or_long, stage, story_on

pytestmark = needs_agent


@pytest.fixture(scope="module")
def three():
    with stage(3, slots=20) as cluster:
        cluster.wait_benches()
        yield cluster


@pytest.fixture
def story(three, request):
    """With a few good neighbours, whose processes must still be the same at the end."""
    with story_on(three) as made:
        neighbours = made.submit_all(made.jobs(6, request.node.name[5:25]))
        made.neighbours = {job: p.pid for job, p in neighbours.items()}
        yield made


def family(story, job):
    """Every process of a job, and who they are children of does not matter."""
    return [p for p in procs.jobs(story.cluster.is_ours) if p.job == job]


def undisturbed(story):
    now = {p.job: p.pid for p in story.cluster.processes()}
    lost = [job for job, pid in story.neighbours.items() if now.get(job) != pid]
    assert not lost, f"disturbed: {lost}"


def end(story, job):
    """Deleted, and with all it brought into the world."""
    story.delete(story.cluster[0], job)
    eventually(lambda: not family(story, job), 15, f"nothing of {job} is left")


@pytest.mark.skipif(os.geteuid() != 0, reason="this machine lets no test make a user for the bomb")
def test_a_fork_bomb_goes_off_in_its_own_room(story):
    for mode in story.modes:
        story.submit(story.cluster[0], "bomb", mode, "bomb")
        eventually(lambda: len(family(story, "bomb")) >= 100, 20, "it has filled its room")
        time.sleep(short_or_long(0.5, 20))
        undisturbed(story)
        end(story, "bomb")
    story.judge("fork bombs of 120 processes")


def test_a_job_that_takes_no_notice_of_term_is_killed(story):
    for mode in story.modes:
        story.submit(story.cluster[0], "deaf", mode, "stubborn", stop_timeout="500ms")
        eventually(lambda: family(story, "deaf"), 10, "it runs")
        begin = time.monotonic()
        end(story, "deaf")
        assert 0.5 <= time.monotonic() - begin < patient(5)
    undisturbed(story)
    story.judge("jobs that take no notice of TERM")


def test_a_daemon_that_left_its_parent_ends_with_its_run(story):
    """The parent ends by itself after 300 ms, and its run is over: what it left behind must be gone
    before the next attempt begins."""
    for mode in story.modes:
        story.submit(story.cluster[0], "daemon", mode, "daemon", "for", 300, retry=["0s"],
                     reset_after="0s", retry_local=1000)
        time.sleep(short_or_long(2, 60))
        end(story, "daemon")
    undisturbed(story)
    story.judge("daemons that left their parent")


def test_a_daemon_dies_when_its_guard_is_killed(story):
    story.submit(story.cluster[0], "daemon", "exclusive", "daemon")
    eventually(lambda: len(family(story, "daemon")) == 2, 10, "it has a daemon")
    parent = next(p for p in family(story, "daemon") if procs.exe(p.parent) == procs.GUARD)
    old = {p.pid for p in family(story, "daemon")}
    procs.kill(parent.parent, 9)
    eventually(lambda: not old & {p.pid for p in family(story, "daemon")}, 10, "both are gone")
    eventually(lambda: len(family(story, "daemon")) == 2, 20, "and run anew")
    end(story, "daemon")
    undisturbed(story)
    story.judge("a daemon whose guard was killed")


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_job_that_talks_without_an_end_disturbs_nobody(story):
    cluster, seconds = story.cluster, short_or_long(2, 60)
    story.submit(cluster[0], "talker", "exclusive", "flood")
    talker = eventually(lambda: family(story, "talker"), 10, "it runs")[0]
    agent = next(a for a in cluster if a.name == talker.node)
    before = rss(agent.pid)

    def answers():
        begin = time.monotonic()
        agent.get("/v1/status", timeout=2)
        return time.monotonic() - begin < patient(1)

    holds(answers, seconds, "the agent answers")
    grown = rss(agent.pid) - before
    written = story.log_bytes("talker", agent)
    say(f"    talked for {seconds} s: {written >> 20} MiB on disk, the agent has grown by "
        f"{grown >> 10} KiB")
    assert grown < 32 << 20 and written < 200 << 20
    undisturbed(story)
    end(story, "talker")
    story.judge("a job that talks without an end")


def test_a_job_that_kills_its_agent_dies_with_it_and_is_not_believed_for_ever(story):
    cluster = story.cluster
    folder = os.path.join(cluster.folder, "pids")
    pids_into(folder, cluster)
    story.submit(cluster[0], "murderer", "available", "murder", folder, "after", 300)
    victim = eventually(lambda: next((a for a in cluster if not a.is_up()), None), 10,
                        "an agent is killed")
    eventually(lambda: not [p for p in family(story, "murderer") if p.node == victim.name],
               patient(5), "it dies with its victim")
    # The pid file of the next victim is stale on purpose, once its agent is another.
    for agent in cluster:
        if agent.is_up():
            os.remove(os.path.join(folder, agent.name))
    others = [a for a in cluster if a.is_up()]
    eventually(lambda: story.delete(others[0], "murderer") is None, 20, "it is deleted")
    victim.start()
    story.judge("a job that killed its agent", settle=40)
