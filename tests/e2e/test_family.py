# SPDX-License-Identifier: Apache-2.0
"""Jobs whose runs are rows of their own: copies on several nodes, one on each, ticks of a clock."""
import calendar
import collections
import time

from agent import eventually, holds
from conftest import needs_agent

pytestmark = needs_agent


def copies(c, job):
    """Run to its process, of the process table."""
    return {p.run: p for p in c.processes() if p.job == job}


def test_copies_live_on_nodes_of_their_own(clusters):
    c = clusters(3, slots=6)
    c.wait_benches()
    c[0].submit("web", spread=2)
    c[1].put("/v1/jobs/exporter", {"kind": "daemon", "exec": ["sleep", "86400"]})
    eventually(lambda: len(copies(c, "web")) == 2 and len(copies(c, "exporter")) == 3, 10,
               "all run")
    first = copies(c, "web")
    assert set(first) == {"web@1", "web@2"}
    assert len({p.node for p in first.values()}) == 2
    assert {p.node for p in copies(c, "exporter").values()} == {a.name for a in c}
    assert first["web@2"].env["MUSTER_INDEX"] == "2" and first["web@2"].env["MUSTER_COUNT"] == "2"
    assert "has runs with nodes of their own: 'muster runs web'" in c[2].cli("where", "web")[1]
    assert c[0].cli("hold", "web@2")[0] == 0
    assert "; held by a person, so it is not started anew" in c[1].cli("why", "web@2")[1]
    assert c[0].cli("release", "web@2")[0] == 0
    # One more is made, and nobody else notices.
    c[0].submit("web", spread=3)
    eventually(lambda: len(copies(c, "web")) == 3, 10, "the third runs")
    assert all(copies(c, "web")[run].pid == p.pid for run, p in first.items())
    assert len({p.node for p in copies(c, "web").values()}) == 3
    # A node that dies leaves its copy waiting, for each of the others has one already.
    c[2].kill9()
    eventually(lambda: len(copies(c, "web")) == 2 and len(copies(c, "exporter")) == 2, 10, "two")
    waits = eventually(lambda: [r for r in c[0].runs("?job=web") if r["state"] == "pending"], 10,
                       "one waits")
    run = waits[0]["run"]
    eventually(lambda: "has a copy" in (c[0].get(f"/v1/runs/{run}")["reason"] or ""), 10,
               "with a reason")
    c[2].start()
    eventually(lambda: len(copies(c, "web")) == 3 and len(copies(c, "exporter")) == 3, 15,
               "it is back, and has its share again")
    c[0].delete("/v1/jobs/web")
    c[0].delete("/v1/jobs/exporter")
    eventually(lambda: not c.processes() and not c[1].runs(), 10, "nothing is left")


def test_a_change_goes_from_copy_to_copy_and_stops_where_one_fails(clusters):
    c = clusters(3, slots=6)
    c.wait_benches()
    c[0].submit("web", spread=3)
    first = eventually(lambda: len(copies(c, "web")) == 3 and copies(c, "web"), 10, "all run")
    eventually(lambda: all(r["state"] == "running" for r in c[0].runs("?job=web")), 10, "ready")
    c[1].submit("web", exec=("false",), spread=3)

    def stands():
        reason = c[2].get("/v1/jobs/web")["reason"]
        return "1 of 3 copies are changed; the others wait for web@" in reason and \
            "has failed: exit 1" in reason
    eventually(stands, 10, "it stops at the first")
    kept = {run: p.pid for run, p in copies(c, "web").items() if p.pid == first[run].pid}
    assert len(kept) == 2, kept
    c[1].submit("web", spread=3)
    eventually(lambda: len(copies(c, "web")) == 3 and
               all(p.pid != first[run].pid for run, p in copies(c, "web").items()), 15, "mended")
    eventually(lambda: c[2].get("/v1/jobs/web")["reason"] == "3 of 3 copies are placed", 5, "done")
    second = copies(c, "web")
    assert c[2].cli("stop", "web@2")[0] == 0
    eventually(lambda: set(copies(c, "web")) == {"web@1", "web@3"}, 5, "one copy is stopped")
    code, _, said = c[1].cli("move", "web@1", "--to", second["web@3"].node)
    assert code == 4 and "has a copy of it" in said, said
    assert c[2].cli("start", "web@2")[0] == 0
    eventually(lambda: len(copies(c, "web")) == 3, 5, "and started")


def ticks_of(path):
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def seconds_of(tick):
    return calendar.timegm(time.strptime(tick, "%Y-%m-%dT%H:%M:%SZ"))


def test_no_tick_runs_twice_and_the_clock_outlives_its_keeper(clusters, tmp_path):
    c = clusters(3, slots=6)
    c.wait_benches()
    seen = tmp_path / "seen"
    c[0].put("/v1/jobs/tick", {"kind": "cron", "every": "1s",
                               "shell": f"echo $MUSTER_TICK $MUSTER_RUN >> {seen}"})
    c[0].put("/v1/jobs/slow", {"kind": "cron", "every": "1s", "overlap": "queue",
                               "exec": ["sleep", "2"]})
    eventually(lambda: len(ticks_of(seen)) >= 3, 10, "it ticks")
    keeper = next(b["node"] for b in c[0].get("/v1/place/tick")["bench"] if b["keeper"])
    dead = next(a for a in c if a.name == keeper)
    dead.kill9()
    died = time.time()
    count = len(ticks_of(seen))
    alive = c.up()[0]
    eventually(lambda: len(ticks_of(seen)) >= count + 3, 10, "it ticks on without its keeper")
    # Only a run whose node has died under it is done again.
    double = [t for t, n in collections.Counter(ticks_of(seen)).items() if n > 1]
    assert all(abs(seconds_of(t) - died) < 3 for t in double), (double, died)
    # Of a job that takes longer than its period one run goes on at a time, and the others wait.
    states = collections.Counter(r["state"] for r in alive.runs("?job=slow"))
    assert states["running"] + states["starting"] <= 1 and states["pending"] >= 1, states
    assert alive.cli("stop", "tick")[0] == 0
    time.sleep(1.5)
    count = len(ticks_of(seen))
    holds(lambda: len(ticks_of(seen)) == count, 2.5, "what is stopped does not tick")
    assert alive.cli("start", "tick")[0] == 0
    eventually(lambda: len(ticks_of(seen)) > count, 5, "and goes on")
    assert len(ticks_of(seen)) <= count + 2, "nothing of the pause is made up for"
    job = alive.get("/v1/jobs/tick")
    assert job["kind"] == "cron" and job["reason"].startswith("next at"), job
    code, table, _ = alive.cli("cron")
    row = next(line.split() for line in table.splitlines() if line.startswith("tick "))
    assert code == 0 and row[1:3] == ["every", "1s"] and int(row[-2]) >= 6, table
    code, moments, _ = alive.cli("next", "tick", "-n", "2")
    assert code == 0 and len(moments.splitlines()) == 2, moments
    assert alive.cli("next", "nobody")[0] == 3


def test_what_is_dead_is_a_run_and_not_its_job(clusters):
    a = clusters(1, slots=6)[0]
    spec = {"exec": ["false"], "retry": 0}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 10))
    a.put("/v1/jobs/tick", {"kind": "task", "at": at, **spec})
    a.put("/v1/jobs/two", {"kind": "service", "spread": 2, **spec})

    def dead():
        return {r["job"]: r["run"] for r in a.runs("?state=dead")}

    eventually(lambda: set(dead()) == {"tick", "two"}, 10, "a tick and a copy are dead")
    assert dead()["tick"] == f"tick@{at}"
    code, said, _ = a.cli("dead", "retry", "--all")
    assert code == 0 and f"tick@{at}  tried again" in said and "two@" in said, said
    eventually(lambda: set(dead()) == {"tick", "two"}, 10, "they are dead again")
    assert a.cli("dead", "drop", f"tick@{at}")[0] == 0
    eventually(lambda: set(dead()) == {"two"}, 10, "one is gone")
    assert set(a.jobs()) == {"tick", "two"}


def test_ticks_that_overlap_say_what_becomes_of_them(clusters):
    a = clusters(1, slots=6)[0]
    for name in ("queue", "replace"):
        a.put(f"/v1/jobs/{name}", {"kind": "task", "every": "1s", "overlap": name,
                                   "exec": ["sleep", "60"]})
    eventually(lambda: [r for r in a.runs("?job=queue") if r["state"] == "pending"
                        and r["reason"] == "waits for the run before it"], 10,
               "a tick waits, and is not called stopped")
    said = eventually(lambda: [e["text"] for e in a.events() if e["type"] == "run.stopped"], 10,
                      "a run is replaced")
    assert said[0] == "a later tick takes its place", said
    gone = [r["reason"] for r in a.runs("?job=replace") if r["state"] == "stopped"]
    assert set(gone) <= {"a later tick takes its place"}, gone


def test_a_job_starts_when_another_has_ended(clusters, tmp_path):
    c = clusters(3, slots=6)
    c.wait_benches()
    seen = tmp_path / "seen"
    for name, after in (("load", "fetch"), ("alarm", "fetch fail"), ("report", "load any")):
        c[0].put(f"/v1/jobs/{name}", {"kind": "task", "after": after,
                                      "shell": f"echo {name} $MUSTER_TICK >> {seen}"})
    says = "waits for fetch to end well; that is not there"
    eventually(lambda: says in c[1].cli("why", "load")[1], 5, "it says what it waits for")
    c[0].put("/v1/jobs/fetch", {"kind": "task", "exec": ["true"]})
    eventually(lambda: [t.split()[0] for t in seen.read_text().splitlines()] == ["load", "report"]
               if seen.exists() else False, 15, "one after the other")
    c[0].put("/v1/jobs/fetch", {"kind": "task", "exec": ["false"], "retry": 0})
    eventually(lambda: "alarm" in seen.read_text(), 15, "and another one when it fails")
    holds(lambda: len(seen.read_text().splitlines()) == 3, 2.5, "each end once")
    # A circle, as far as it is known.
    reply = c[2].request("PUT", "/v1/jobs/fetch", {"kind": "task", "after": "report",
                                                   "exec": ["true"]})
    assert reply.status == 400 and b"fetch after report after load after fetch" in reply.body, reply
