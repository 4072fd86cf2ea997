# SPDX-License-Identifier: Apache-2.0
"""Guards that outlive their agent, and the agent that takes them over."""
import os
import shutil
import signal
import time

from agent import BUILD, PATIENCE, eventually, holds
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


def test_an_agent_that_is_stopped_leaves_what_is_kept_to_the_next_one(clusters):
    c = clusters(3)
    c.wait_benches()
    home, others = c[1], [c[0], c[2]]
    there = f'node == "{home.name}"'
    c[0].submit("kept", exec=("/bin/sh", "-c", COUNT), prefer=there, on_agent_stop="keep")
    c[0].submit("goes", prefer=there)
    c[0].submit("task", kind="task", on=there, on_agent_stop="keep")
    before = c.wait_once({"kept", "goes", "task"}, 10)
    assert {p.node for p in before.values()} == {home.name}
    c[0].put("/v1/jobs/own", {"kind": "daemon", "exec": ["sleep", "86400"], "on": there})
    eventually(lambda: c.counts()["own"] == 1, 5, "its own share, that can be nowhere else")
    eventually(lambda: c[0].get("/v1/runs/kept")["state"] == "running", 5, "it is up")
    begin = time.monotonic()
    assert home.term() == 0 and time.monotonic() - begin < 5 * PATIENCE
    after = eventually(lambda: (p := c.by_job())["goes"].node != home.name and p, 2, "handed over")
    assert (after["kept"], after["task"]) == (before["kept"], before["task"])
    home.start()
    for job in ("kept", "task"):
        eventually(lambda j=job: (r := others[0].get(f"/v1/runs/{j}"))["pid"] == before[j].pid and
                   r["state"] == "running" and r["node"] == home.name, 5, "it is adopted")
    assert c.by_job() == after and assert_whole(others[0], "kept") > 20
    assert home.term() == 0
    holds(lambda: c.by_job().get("kept") == before["kept"], 1.0, "an agent is waited for")
    eventually(lambda: c.by_job()["kept"].node != home.name, 5, "and where none comes it moves")
    run = eventually(lambda: (r := others[1].get("/v1/runs/task"))["state"] == "pending" and r, 5,
                     "it may be nowhere else")
    assert run["node"] is None, run


def zombies_of(pid):
    """Children of this process that nobody has buried."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) == pid:
            found.append(entry)
    return found


def renew(agent):
    """SIGUSR2, and until the next program answers."""
    boot = agent.log().count(" starts, boot ")
    agent.send(signal.SIGUSR2)
    eventually(lambda: agent.log().count(" starts, boot ") == boot + 1, 5, "another program runs")
    agent.wait_ready()


def test_another_program_takes_over_with_every_job_alive(clusters):
    c = clusters(3)
    c.wait_benches()
    home, others = c[1], [c[0], c[2]]
    jobs = {f"job/{k}" for k in range(5)}
    for job in sorted(jobs):
        c[0].submit(job, exec=("/bin/sh", "-c", COUNT), on=f'node == "{home.name}"')
    before = c.wait_once(jobs, 10)
    eventually(lambda: all(c[0].get(f"/v1/runs/{j}")["state"] == "running" for j in jobs), 5, "up")
    pid, descriptors = home.pid, len(os.listdir(f"/proc/{home.pid}/fd"))
    for _ in range(2):
        renew(home)
        assert c.by_job() == before
    assert home.is_up() and home.pid == pid
    for other in others:
        eventually(lambda o=other: {r["run"]: r["pid"] for r in o.runs()} ==
                   {j: before[j].pid for j in jobs}, 10, "every run is adopted")
        said = {e["type"] for e in other.events()}
        assert not said & {"node.dead", "node.suspect", "node.left", "run.lost", "run.exited"}, said
        assert other.members()[home.name]["status"] == "alive"
    for job in jobs:
        assert other.get(f"/v1/runs/{job}")["attempt"] == 1
        eventually(lambda j=job: others[0].cli("logs", j)[0] == 0, 5, "its node is linked again")
        assert assert_whole(others[0], job) > 20
    c[0].delete("/v1/jobs/job/0")
    eventually(lambda: not zombies_of(pid) and "job/0" not in c.by_job(), 5,
               "who ends after it is buried")
    eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 2, 5, "all is closed")
    assert c.by_job() == {j: p for j, p in before.items() if j != "job/0"}


def test_a_program_that_would_not_start_takes_nobodys_place(clusters):
    c = clusters(1)
    program, away = os.path.join(c.folder, "agent"), os.path.join(c.folder, "away")
    shutil.copy(os.path.join(BUILD, "muster-agent"), program)
    shutil.copy(os.path.join(BUILD, "muster-guard"), c.folder + "/muster-guard")
    c[0].kill9()
    c[0].program = [program]
    c[0].start()
    c[0].submit("a")
    before = c.wait_once({"a"}, 10)
    os.rename(program, away)
    with open(program, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho broken >&2\nexit 3\n")
    os.chmod(program, 0o755)
    c[0].send(signal.SIGUSR2)
    eventually(lambda: "would not start" in c[0].log() and "broken" in c[0].log(), 5, "it is tried")
    os.remove(program)
    c[0].send(signal.SIGUSR2)
    eventually(lambda: "no other program takes over" in c[0].log(), 5, "it is missed")
    assert c[0].request("GET", "/health").status == 200 and c.by_job() == before
    os.rename(away, program)
    renew(c[0])
    assert c.by_job() == before


def test_the_last_words_of_a_run_outlive_its_node(clusters):
    c = clusters(3)
    c.wait_benches()
    line = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i a line of some length; done; exit 3"
    c[0].submit("talks", exec=("/bin/sh", "-c", line), kind="task", retry=0)
    eventually(lambda: c[0].get("/v1/jobs/talks")["state"] == "dead", 10, "it has ended")
    c[0].submit("silent", exec=("true",), kind="task")
    eventually(lambda: c[0].get("/v1/jobs/silent")["state"] == "done", 10, "it has ended")
    home = next(a for a in c if a.name == c[0].get("/v1/runs/talks")["attempts"][0]["node"])
    c[0].submit("goes-on", exec=("/bin/sh", "-c", "echo here I am; exec sleep 1000"),
                on=f'node == "{home.name}"')
    code, whole, _ = c[0].cli("logs", "talks")
    assert code == 0 and whole.count("\n") == 3000 and "replicated" not in whole, whole[:300]
    time.sleep(3.5 * PATIENCE)  # two seconds until it is told of, and one of the agent's pace
    home.kill9()
    for other in (a for a in c if a is not home):
        code, said, complaint = other.cli("logs", "talks")
        first, *lines = said.splitlines()
        assert code == 0 and "replicated end" in first and home.name in first, (first, complaint)
        assert lines == whole.splitlines()[-len(lines):], "the end of it, as it was"
        assert 55000 < sum(len(x) + 20 for x in lines) <= 65536 + 200
        code, said, _ = other.cli("logs", "-n", "2", "talks")
        assert said.splitlines()[1:] == whole.splitlines()[-2:]
        code, said, _ = other.cli("show", "talks")
        assert code == 0 and "3000 a line of some length" in said and "replicated end" in said, said
    code, said, _ = other.cli("show", "goes-on")
    assert code == 0 and "here I am" in said and "replicated end" in said, said
    home.start()
    eventually(lambda: c[0].cli("logs", "talks")[1] == whole, 10, "and whole again, with its node")
    assert len(c[0].jobs()) == 3, "what they have printed is no job"
