# SPDX-License-Identifier: Apache-2.0
"""Guards that outlive their agent, and the agent that takes them over."""
import os
import time

from agent import eventually, holds
from conftest import needs_agent

pytestmark = needs_agent

COUNT = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


def home_of(c, job):
    return next(a for a in c if a.name == c.by_job()[job].node)


def lines_of(agent, run):
    """What the run has printed, as the numbers of its lines."""
    code, said, complaint = agent.cli("logs", run)
    assert code == 0, complaint
    return [int(line.rsplit(" ", 1)[1]) for line in said.splitlines()]


def assert_whole(agent, run):
    numbers = lines_of(agent, run)
    assert numbers == list(range(1, len(numbers) + 1)), "a line is lost or doubled"
    return len(numbers)


def test_a_job_that_is_kept_outlives_its_agent_and_is_adopted(clusters):
    """(d) kill -9 of the agent with `on_agent_loss: keep`."""
    c = clusters(3)
    c.wait_benches()
    flag = os.path.join(c.folder, "flag")
    c[0].submit("kept", exec=("/bin/sh", "-c", COUNT), on_agent_loss="keep")
    c.wait_once({"kept"}, 10)
    home = home_of(c, "kept")
    before = c.by_job()["kept"]
    waits = f"while ! test -e {flag}; do sleep 0.02; done; exit 7"
    c[0].submit("ends", exec=("/bin/sh", "-c", waits), kind="task", retry=0,
                on=f'node == "{home.name}"', on_agent_loss="keep")
    eventually(lambda: c[0].get("/v1/runs/ends")["state"] == "running", 5, "the task runs")
    was = lines_of(c[0], "kept")[-1]
    home.kill9()
    time.sleep(0.3)
    open(flag, "w").close()  # it ends while nobody listens
    holds(lambda: c.by_job().get("kept") == before, 0.7, "it goes on alone, and nowhere else")
    home.start()
    other = next(a for a in c if a is not home)
    run = eventually(lambda: (r := other.get("/v1/runs/kept"))["pid"] == before.pid and
                     r["state"] == "running" and r, 5, "it is adopted")
    assert run["node"] == home.name and run["attempt"] == 1, run
    run = eventually(lambda: (r := other.get("/v1/runs/ends"))["state"] == "dead" and r, 5,
                     "its end is told")
    assert run["exit"]["code"] == 7, run
    assert c.by_job()["kept"] == before
    assert assert_whole(other, "kept") > was + 20
