# SPDX-License-Identifier: Apache-2.0
"""An operator swears that a node's disk is gone (R49): what follows for jobs, members and for the
node itself, should it come back."""
import pytest

from agent import PATIENCE, eventually, holds
from conftest import needs_agent

pytestmark = needs_agent


def status_of(agent, other):
    return agent.members().get(other.name, {}).get("status")


def kill(agent, others):
    agent.kill9()
    for other in others:
        eventually(lambda o=other: status_of(o, agent) == "dead", 20, "the death is seen")


def test_who_is_forgotten_is_told_so_and_never_runs_again(clusters):
    c = clusters(4, slots=10)
    c.wait_benches()
    jobs = {f"job/{i}" for i in range(12)}
    for job in sorted(jobs):
        c[0].submit(job)
    c.wait_once(jobs, 10)
    gone = c[3]
    code, _, said = c[0].cli("forget", gone.name, "--yes")
    assert code == 4 and "is alive" in said, said
    code, _, said = c[0].cli("forget", gone.name, input="")
    assert code == 1 and "nobody swore" in said, said
    kill(gone, c.agents[:3])
    code, out, said = c[1].cli("forget", gone.name, "--yes")
    assert code == 0 and "declared lost" in out, said
    for agent in c.agents[:3]:
        eventually(lambda a=agent: status_of(a, gone) == "lost", 5, "everybody hears of it")
    c.wait_once(jobs, 10)
    eventually(lambda: all(a.get("/v1/status")["short_buckets"] == 0 for a in c.agents[:3]),
               20 * PATIENCE, "its seats are given to others long before a minute is over")
    code, out, said = c[0].cli("forget", gone.name, "--yes")
    assert code == 0 and "before" in out, said

    # It comes back with its disk. It is told what it is, ends, and does not start a second time.
    gone.may_complain = True
    gone.start(wait=False)
    assert gone.exit_code(30) == 78, gone.log(20)
    assert "this node was declared lost" in gone.log()
    gone.start(wait=False)
    assert gone.exit_code(15) == 78, gone.log(20)
    assert "start with an empty data folder" in gone.log(20)
    c.wait_once(jobs, 5)
    for agent in c.agents[:3]:
        agent.may_complain = True
        assert status_of(agent, gone) == "lost"

    # The oath outlives those who took it.
    c[1].kill9()
    c[1].start()
    c.wait_members()
    assert "had been declared lost before" in c[1].cli("forget", gone.name, "--yes")[1]


def test_the_last_of_three_goes_on_when_it_is_told_that_the_others_are_gone(clusters):
    c = clusters(3, slots=20)
    c.wait_benches()
    jobs = {f"job/{i}" for i in range(12)}
    for job in sorted(jobs):
        c[0].submit(job)
    c.wait_once(jobs, 10)
    kill(c[1], [c[0], c[2]])
    kill(c[2], [c[0]])
    code, _, said = c[0].cli("run", "--name", "late", "--", "sleep", "86400")
    assert code != 0 and "missing" in said and c[1].name in said and c[2].name in said, said  # R44
    for k in (1, 2):
        code, _, said = c[0].cli("forget", c[k].name, "--yes")
        assert code == 0, said
    eventually(lambda: c[0].get("/v1/status")["orphan_buckets"] == 0, 15, "it keeps every bucket")
    c[0].submit("late")
    c.wait_once(jobs | {"late"}, 20)


def test_an_exclusive_job_is_held_and_says_for_whom_until_somebody_swears(clusters):
    c = clusters(3, slots=20)
    c.wait_benches()
    c[0].submit("only", partition="exclusive")
    before = c.wait_once({"only"}, 20)["only"]
    keep = next(agent for agent in c if agent.name != before.node)
    gone = [agent for agent in c if agent is not keep]
    kill(gone[0], [gone[1], keep])
    kill(gone[1], [keep])

    def why():
        return keep.cli("why", "only")[1]

    held = eventually(lambda: "held: 1 of 3 seats answers" in why() and why(), 20, "it says so")
    assert all(agent.name in held for agent in gone), held
    assert "are missing since" in held and "`muster forget` if their disks are gone" in held, held
    assert keep.get("/v1/jobs/only")["state"] == "pending"
    holds(lambda: not c.processes(), 10, "nobody may start it")
    for agent in gone:
        assert keep.cli("forget", agent.name, "--yes")[0] == 0
    after = c.wait_once({"only"}, 20)["only"]
    assert after.node == keep.name and after.token > before.token


@pytest.mark.parametrize("name", ["nobody", "zz", "0000"])
def test_nobody_is_forgotten_by_a_slip(clusters, name):
    c = clusters(1, slots=4)
    code, _, said = c[0].cli("forget", name, "--yes")
    assert code == 3 and "muster members" in said, said

