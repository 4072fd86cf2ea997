# SPDX-License-Identifier: Apache-2.0
"""A job whose nodes die soon after they have started it is dead before it meets them all (R34)."""
import time

import pytest
from agent import eventually, holds
from conftest import needs_agent

pytestmark = needs_agent


def node_of(c, job):
    return next((a for a in c.up() if any(p.job == job for p in c.on_node(a))), None)


# A node may be missed before it is back, or it may tell of its death itself.
@pytest.mark.parametrize("away_s", [1, 0])
def test_a_job_that_takes_its_nodes_down_is_dead_at_the_third(clusters, away_s):
    c = clusters(4, slots=4, extra=("--max-strikes", "3"))
    c.wait_benches()
    c[0].submit("bad", on_agent_loss="end")
    for _ in range(3):
        eventually(lambda: node_of(c, "bad") is not None, 15, "it runs somewhere")
        agent = node_of(c, "bad")
        agent.kill9()
        time.sleep(away_s)
        agent.start()
        c.wait_members()

    def state():
        return c[0].get("/v1/jobs/bad")["state"]

    eventually(lambda: state() == "dead", 10, "it is dead")
    holds(lambda: node_of(c, "bad") is None, 3, "it runs nowhere")
    code, said, _ = c[0].cli("why", "bad")
    assert code == 0 and "3 nodes in a row died" in said and "muster dead retry" in said, said
    assert [job["job"] for job in c[1].get("/v1/runs?state=dead")["items"]] == ["bad"]
    assert c[0].cli("dead", "retry", "bad")[0] == 0
    c.wait_once({"bad"}, 10)


KILLER = """
k=${MUSTER_NODE#n}; k=${k%%-*}
sleep 0.3
kill -9 "$(cat "$FOLDER/$k/data/agent.lock")"
sleep 100
"""


def test_a_job_that_kills_its_agents_is_dead_and_the_cluster_lives(clusters):
    """(k) Its own `max_moves` says how many of them; whoever watches an agent starts it again."""
    c = clusters(4, slots=4, extra=("--max-strikes", "3"))
    c.wait_benches()
    c[0].submit("calm", on_agent_loss="keep")
    c[0].submit("killer", exec=("/bin/sh", "-c", KILLER), kind="task", max_moves=2,
                env={"FOLDER": c.folder})
    deaths, until = 0, time.monotonic() + 30
    while time.monotonic() < until and deaths < 3:
        for agent in c:
            if not agent.is_up():
                deaths += 1
                agent.start(wait=False)
        time.sleep(0.05)
    for agent in c:
        agent.wait_ready()
    eventually(lambda: c[0].get("/v1/jobs/killer")["state"] == "dead", 10, "it is dead")
    code, said, _ = c[1].cli("dead", "show", "killer")
    assert code == 0 and "3 of its nodes died" in said and "max_moves 2" in said, said
    holds(lambda: all(a.is_up() for a in c) and node_of(c, "killer") is None, 2,
          "nobody dies of it")
    assert c[0].get("/v1/jobs/calm")["state"] == "running"
