# SPDX-License-Identifier: Apache-2.0
"""Profile and partition are the cluster's: who is let in follows it (R45, R58)."""
from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent


def settings(agent):
    return agent.get("/v1/status")["settings"]


def test_who_is_let_in_follows_its_cluster_and_says_so(clusters):
    c = clusters(1, slots=4, extra=("--profile", "local", "--partition", "majority"))
    assert settings(c[0]) == "local majority"
    late = c.add(extra=("--profile", "lan", "--partition", "available"))
    c.wait_members()
    eventually(lambda: settings(late) == "local majority", 5, "it follows")
    assert "configured here is lan available. This node follows" in late.log()
    late.kill9()
    late.start()
    assert settings(late) == "local majority"
    assert late.log().count("follows its cluster") == 2
    code, out, said = late.cli("status")
    assert code == 0 and "(local majority)" in out, said


def test_one_that_waits_to_be_let_in_keeps_its_own_for_a_cluster_of_its_own(clusters):
    c = clusters(1, slots=4, extra=("--profile", "wan"))
    assert settings(c[0]) == "wan available"
    c[0].kill9()
    c[0].extra = []
    c[0].start()
    assert settings(c[0]) == "wan available"
