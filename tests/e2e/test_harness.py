# SPDX-License-Identifier: Apache-2.0
"""The harness itself, held against a make-believe agent: one that sees nothing proves nothing."""
import os
import time

import pytest

import lmdb
import procs
from agent import ApiError, eventually, holds
from cluster import Cluster

FAKE = ["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "fake_agent.py")]


@pytest.fixture
def one(clusters):
    """A single make-believe agent. Its jobs outlive it: it has no guards."""
    cluster = clusters(1, program=FAKE)
    yield cluster
    for p in procs.jobs(cluster.is_ours):
        procs.kill(p.pid, 9)


def test_api_errors_carry_the_words_of_the_answer(one):
    with pytest.raises(ApiError) as caught:
        one[0].get("/v1/nothing")
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    assert "no such thing" in str(caught.value)


def test_pages_follow_the_cursor_to_the_end(one):
    for name in "abcde":
        one[0].submit(name)
    assert sorted(one[0].jobs()) == list("abcde")


def test_a_process_is_counted_by_its_environment_and_only_at_its_root(one):
    one[0].submit("plain")
    one[0].submit("family", ["/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait"])
    running = one.wait_once({"plain", "family"}, 5)
    assert running["plain"].exe == "sleep" and running["plain"].token == 7
    eventually(lambda: len(procs.jobs(one.is_ours)) == 4, 5, "a shell, its two children, and plain")
    assert one.counts() == {"plain": 1, "family": 1}


def test_two_of_one_job_are_seen(one):
    one[0].submit("twin")
    one[0].submit("twin")
    eventually(lambda: one.counts()["twin"] == 2, 5, "both run")
    with pytest.raises(AssertionError, match="runs twice"):
        one.by_job()
    with pytest.raises(AssertionError, match="extra .'twin'"):
        one.wait_once({"twin"}, 0.2)


def test_jobs_of_another_cluster_are_not_ours(one, clusters):
    other = clusters(1, program=FAKE)
    assert other[0].host != one[0].host
    other[0].submit("theirs")
    eventually(lambda: other.counts() == {"theirs": 1}, 5, "theirs runs")
    assert not one.counts()
    procs.kill(other.processes()[0].pid, 9)


def test_plain_node_names_are_known_by_the_mark(clusters):
    cluster = clusters(1, program=FAKE, names=["alpha"])
    cluster[0].submit("marked", env={"TEST_CLUSTER": cluster.tag})
    cluster[0].submit("bare")
    eventually(lambda: cluster.counts() == {"marked": 1}, 5, "only the marked one is ours")
    for p in procs.jobs(lambda env: env.get("MUSTER_NODE") == "alpha"):
        procs.kill(p.pid, 9)


def test_an_agent_dies_stands_still_and_comes_back_with_its_data(one):
    agent = one[0]
    first = agent.pid
    agent.stop()
    eventually(lambda: procs.stat(first)[0] == "T", 5, "stopped")
    agent.cont()
    agent.kill9()
    assert not agent.is_up() and not procs.alive(first)
    agent.start()
    assert agent.pid != first
    with open(os.path.join(agent.data, "boots"), encoding="utf-8") as boots:
        assert len(boots.readlines()) == 2
    assert agent.term() == 0


def test_an_agent_that_cannot_start_says_why(clusters):
    cluster = clusters(1, program=["/bin/sh", "-c", "echo no such luck; exit 3", "sh"], start=False)
    with pytest.raises(RuntimeError, match="ended with 3(?s:.*)no such luck"):
        cluster[0].start()


def test_a_pid_that_changed_hands_is_left_alone(one):
    one[0].submit("bystander")
    p = one.wait_once({"bystander"}, 5)["bystander"]
    assert not procs.kill(p.pid, 9, start=p.start - 1)
    assert procs.alive(p.pid)
    one[0].kill9()
    one[0].process.pid = p.pid  # as if its number had been given to another
    one[0].send(9)
    assert procs.alive(p.pid)
    assert procs.kill(p.pid, 9, start=p.start) and not procs.gone([p.pid], 5)


def test_what_dead_agents_leave_behind_is_named_and_removed():
    cluster = Cluster(1, program=FAKE)
    cluster[0].submit("orphan")
    cluster.wait_once({"orphan"}, 5)
    pid = cluster.processes()[0].pid
    with pytest.raises(AssertionError, match=f"left behind.*{pid} sleep"):
        cluster.close(grace=0.5)
    assert not procs.alive(pid) and not os.path.exists(cluster.folder)


def test_an_alarm_in_a_log_is_a_failure():
    cluster = Cluster(1, program=FAKE, extra=["--complain", "x.c:3: runtime error: shift by 99"])
    with pytest.raises(AssertionError, match="shift by 99"):
        cluster.close()


def test_a_record_of_a_data_folder_is_changed(tmp_path):
    folder = str(tmp_path)
    assert lmdb.get(folder, "meta", b"format") is None
    lmdb.put(folder, "meta", b"format", b"1\x002")
    assert lmdb.get(folder, "meta", b"format") == b"1\x002"


def test_waiting_ends_with_the_last_reason():
    with pytest.raises(AssertionError, match="the moon.*FileNotFoundError"):
        eventually(lambda: open("/nonexistent", encoding="utf-8"), 0.1, "the moon")
    with pytest.raises(AssertionError, match="did not hold"):
        until = time.monotonic() + 0.1
        holds(lambda: time.monotonic() < until, 1, "an early end")
