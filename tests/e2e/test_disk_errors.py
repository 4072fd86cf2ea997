# SPDX-License-Identifier: Apache-2.0
"""A disk that fails, as opposed to one that is full: its files are opened anew once, and an agent
that nothing can be promised on any more ends (R53)."""
import os
import threading

import pytest

from agent import eventually
from conftest import needs_agent

pytestmark = [needs_agent,
              pytest.mark.skipif(os.environ.get("MUSTER_MODE", "release") in ("asan", "tsan"),
                                 reason="this machine preloads no disk into a sanitized program")]
SHIM = os.path.join(os.environ["MUSTER_BUILD"], "kit", "eio.so")


@pytest.fixture(name="shim")
def make_shim(tmp_path):
    return SHIM, tmp_path / "marker"


def start_with(agent, shim):
    os.environ["LD_PRELOAD"], os.environ["EIO_WHILE"] = map(str, shim)
    try:
        agent.start()
    finally:
        del os.environ["LD_PRELOAD"], os.environ["EIO_WHILE"]
    agent.may_complain = True


def test_a_disk_that_fails_once_is_opened_anew(clusters, shim):
    c = clusters(1, slots=4, start=False)
    agent, marker = c[0], shim[1]
    start_with(agent, shim)
    agent.submit("before")
    c.wait_once({"before"}, 10)
    pid = agent.pid
    marker.touch()
    asked = threading.Thread(target=agent.cli, args=("run", "--name", "during", "--", "sleep", "9"))
    asked.start()
    eventually(lambda: "its files are opened anew" in agent.log(), 5, "it says so")
    marker.unlink()  # it asks again a second after the failure
    asked.join()
    agent.submit("after")
    eventually(lambda: {"before", "after"} <= set(c.counts()), 10, "it goes on")
    assert agent.is_up() and agent.pid == pid
    assert "the agent ends" not in agent.log()


def test_an_agent_whose_disk_goes_on_failing_ends_and_its_jobs_go_on_elsewhere(clusters, shim):
    c = clusters(3, slots=4, start=False)
    start_with(c[0], shim)
    for agent in c.agents[1:]:
        agent.start(wait=False)
    for agent in c.agents[1:]:
        agent.wait_ready()
    c.wait_members()
    c.wait_benches()
    jobs = {f"job/{i}" for i in range(6)}
    for job in sorted(jobs):
        c[1].submit(job)
    c.wait_once(jobs, 10)
    shim[1].touch()
    c[1].submit("late")
    assert c[0].exit_code(20) == 1, c[0].log(20)
    assert "again, and the agent ends" in c[0].log(20)
    c.wait_once(jobs | {"late"}, 20)
