# SPDX-License-Identifier: Apache-2.0
"""Where jobs run: what they ask of a node, and what a person is told when no node is like that."""
import time

import pytest

from agent import ApiError, eventually
from conftest import needs_agent

pytestmark = needs_agent


@pytest.fixture(name="three")
def three_nodes(clusters):
    """n0 has a GPU, n1 and n2 stand in another rack."""
    c = clusters(0)
    c.add(slots=4, extra=("--tags", "gpu=2,rack=a"))
    c.add(slots=4, extra=("--tags", "rack=b"))
    c.add(slots=4, extra=("--tags", "rack=b,ssd=yes"))
    c.wait_members()
    eventually(lambda: all(m["linked"] or m["self"] for a in c for m in a.members().values()), 10,
               "all are linked: a node is chosen among those that are")
    c.wait_benches()
    return c


def nodes_of(c, *jobs):
    found = c.wait_once(jobs, 5)
    return {job: int(found[job].node.split("-")[0][1:]) for job in jobs}


def test_on_and_prefer_choose_the_node_and_why_says_what_is_missing(three):
    c = three
    for i in range(4):
        c[i % 3].submit(f"gpu/{i}", on="tag.gpu >= 2 and cpus >= 1 and mem > 16M")
        c[i % 3].submit(f"ssd/{i}", prefer="tag.ssd")
    jobs = [f"{kind}/{i}" for i in range(4) for kind in ("gpu", "ssd")]
    where = nodes_of(c, *jobs)
    assert {where[f"gpu/{i}"] for i in range(4)} == {0}
    assert {where[f"ssd/{i}"] for i in range(4)} == {2}
    c[1].submit("gpu/more", on="tag.gpu")
    c[1].submit("ssd/more", prefer="tag.ssd")  # that node is full: another will do
    c[1].submit("nowhere", on="tag.fpga or node == x")
    c[2].submit("never", on="tag.fpga", if_none="fail")
    assert nodes_of(c, *jobs, "ssd/more")["ssd/more"] == 1
    run = eventually(lambda: c[2].get("/v1/runs/gpu/more")["state"] == "pending" and
                     c[2].get("/v1/runs/gpu/more"), 5, "it waits")
    assert run["reason"].startswith("no free slot: needs 1 on a node with tag.gpu; the freest of 1 "
                                    "of 3 nodes has 0"), run["reason"]
    code, out, said = c[2].cli("why", "nowhere")
    assert code == 0, said
    assert "needs one with tag.fpga or node == x, and none of 3 is like that" in out
    assert out.count("no: tag.fpga missing, node is n") == 3, out
    c[1].submit("large", slots=99, on="tag.gpu")
    large = eventually(lambda: c[2].get("/v1/runs/large")["reason"], 5, "it waits")
    assert large.startswith("no node is that large: needs 99 slots on a node with tag.gpu"), large
    c[0].delete("/v1/jobs/gpu/0")
    left = [job for job in jobs if job != "gpu/0"]
    assert nodes_of(c, *left, "ssd/more", "gpu/more")["gpu/more"] == 0
    run = eventually(lambda: (lambda r: r["state"] == "dead" and r)(c[0].get("/v1/runs/never")),
                     25, "what does not wait is dead, when its keeper is old enough to say so")
    assert run["reason"] == "none of 3 nodes is like tag.fpga (if_none: fail)", run["reason"]


def test_what_is_no_expression_is_refused_with_its_place(clusters):
    c = clusters(1)
    with pytest.raises(ApiError) as e:
        c[0].submit("bad", on="tag.net = public")
    assert e.value.status == 400 and e.value.field == "on"
    assert "column 9: one = says nothing; compare with ==" in e.value.message
    code, _, said = c[0].cli("run", "--name", "bad", "--on", "rack == a", "--", "true")
    assert code != 0 and 'on: column 1: "rack" is not one of node, arch' in said, said
    assert c[0].jobs() == {}


def test_a_person_holds_releases_and_moves(three):
    c = three
    c[0].submit("web", on="tag.rack == b")
    c[0].submit("batch", kind="task", exec=("sleep", "86400"))
    here = nodes_of(c, "web", "batch")["web"]
    there = 3 - here
    token = int(c[0].get("/v1/runs/web")["token"])
    code, _, said = c[0].cli("move", "web", "--to", c[0].name)
    assert code != 0 and "tag.rack is a" in said, said
    code, out, said = c[0].cli("whatif", "--down", c[here].name)
    line = [one.split()[:3] for one in out.splitlines() if one.startswith("web ")]
    assert code == 0 and line == [["web", c[here].name, c[there].name]], out + said
    code, _, said = c[0].cli("move", "batch")
    assert code != 0 and "a task that runs never moves" in said, said
    with pytest.raises(ApiError) as e:
        c[0].post("/v1/jobs/web/move", {"node": "nobody"})
    assert e.value.status == 404 and e.value.field == "node"
    code, out, said = c[0].cli("move", "web", "--to", c[there].name)
    assert code == 0 and out.startswith("web  moving"), said
    eventually(lambda: nodes_of(c, "web", "batch")["web"] == there, 5, "it has moved")
    assert int(c[0].get("/v1/runs/web")["token"]) > token
    code, _, said = c[1].cli("hold", "web")
    assert code == 0, said
    job = c[1].get("/v1/jobs/web")
    assert job["desired"] == "hold" and job["state"] in ("starting", "running"), job
    c[there].kill9()
    eventually(lambda: c[0].get("/v1/jobs/web")["state"] == "stopped", 10, "it is held")
    assert "held by a person" in c[0].get("/v1/jobs/web")["reason"]
    code, _, said = c[0].cli("release", "web")
    assert code == 0, said
    eventually(lambda: c.by_job()["web"].node == c[here].name, 5, "released, it starts again")


def test_everything_is_held_over_restarts_and_what_a_person_held_stays_so(three):
    c = three
    for job in ("web", "db/main", "mine"):
        c[0].submit(job)
    c[0].submit("flaky", exec=("sh", "-c", "sleep 1; exit 1"), backoff={"first": "1s"})
    before = nodes_of(c, "web", "db/main", "mine", "flaky")
    pid = c.by_job()["web"].pid
    assert c[0].cli("hold", "mine")[0] == 0
    code, out, said = c[1].cli("hold", "--all")
    assert (code, out) == (0, "nothing new of any job starts on 3 of 3 nodes\n"), said
    assert c[0].cli("hold", "--all", "--prefix", "No")[0] == 2
    with pytest.raises(ApiError) as e:
        c[0].post("/v1/hold", {"prefx": "web"})
    assert (e.value.status, e.value.field) == (400, "prefix"), e.value
    c[2].submit("late")
    assert c[0].cli("restart", "web")[0] == 0
    eventually(lambda: set(c.by_job()) == {"web", "db/main", "mine"}, 5,
               "what fails is not tried again")
    assert "everything is held since" in c[0].get("/v1/runs/late")["reason"]
    assert "everything is held for" in c[2].cli("status")[1]
    hit = before["db/main"]
    c[hit].kill9()
    gone = [job for job in before if before[job] == hit and job != "flaky"]
    eventually(lambda: not set(gone) & set(c.by_job()), 5, "they end with their agent")
    c[hit].start()
    c.wait_members()
    assert "everything is held for" in c[hit].cli("ps")[1]
    code, out, said = c[hit].cli("release", "--all", "--prefix", "db/")
    assert code == 0, said
    eventually(lambda: "db/main" in c.by_job(), 10, "a part is let go")
    assert not {"late", "flaky", *gone} - {"db/main"} & set(c.by_job())
    if "web" not in gone:
        assert c.by_job()["web"].pid == pid
    assert c[0].cli("release", "--all")[0] == 0
    eventually(lambda: {"web", "db/main", "late", "flaky"} <= set(c.by_job()), 10, "all is let go")
    eventually(lambda: "web" in gone or c.by_job()["web"].pid != pid, 5, "its restart was not lost")
    assert c[0].get("/v1/jobs/mine")["desired"] == "hold"
    assert ("mine" in gone) != ("mine" in c.by_job())


def test_a_node_is_held_and_gets_other_slots_and_tags_and_keeps_them(three):
    c = three
    c[1].submit("old", on="tag.gpu")
    nodes_of(c, "old")
    assert c[1].cli("node", "hold", c[0].name)[0] == 0
    eventually(lambda: all(a.members()[c[0].name]["mode"] == "held" for a in c), 5, "all know")
    c[2].submit("new", on="tag.gpu")
    eventually(lambda: "held" in c[2].get("/v1/runs/new")["reason"], 5, "it waits")
    assert "no: held" in c[1].cli("why", "new")[1]
    nodes_of(c, "old")  # goes on
    code, _, said = c[0].cli("node", "tag", c[1].name, "gpu=1", "z=9", "a=", "--remove", "rack")
    assert code == 0, said
    assert nodes_of(c, "old", "new") == {"old": 0, "new": 1}
    assert c[0].cli("node", "slots", c[1].name, "1")[0] == 0
    eventually(lambda: c[2].members()[c[1].name]["slots"] == 1, 5, "its slots are known")
    c[2].submit("third", on="tag.gpu")
    with pytest.raises(ApiError) as e:
        c[0].post(f"/v1/nodes/{c[1].name}/tags", {"tags": {"k": "x" * 600}})
    assert (e.value.status, e.value.field) == (413, "tags"), e.value
    c[1].kill9()
    c[0].kill9()
    c[1].start()
    c[0].start()
    c.wait_members()
    member = c[2].members()[c[1].name]
    assert (member["slots"], member["tags"]) == (1, {"a": "", "gpu": "1", "z": "9"}), member
    assert c[2].members()[c[0].name]["mode"] == "held"
    assert c[2].cli("node", "release", c[0].name)[0] == 0
    assert c[2].cli("node", "tag", c[1].name)[0] == 0
    assert c[2].cli("node", "slots", c[1].name)[0] == 0
    eventually(lambda: c[2].members()[c[1].name]["tags"] == {"rack": "b"} and
               c[2].members()[c[1].name]["slots"] == 4, 5, "as configured")
    c.wait_once({"old", "new", "third"}, 20)


def test_who_finds_no_node_stands_before_nobody_else(three):
    c = three
    c[0].submit("web", spread=4)  # the fourth has no node left
    eventually(lambda: c.counts()["web"] == 3, 5, "three copies run")
    jobs = [f"later/{i}" for i in range(6)]
    for i, job in enumerate(jobs):
        c[i % 3].submit(job)
    eventually(lambda: all(c.counts()[job] == 1 for job in jobs), 1, "they start at once")


def test_copies_are_spread_by_a_tag(three):
    c = three
    code, _, said = c[0].cli("run", "--name", "r/0", "--spread", "2", "--spread-by", "rack", "--",
                             "sleep", "86400")
    assert code == 0, said
    for i in range(1, 4):
        c[i % 3].submit(f"r/{i}", spread=2, spread_by="rack")
    eventually(lambda: sum(c.counts().values()) == 8, 5, "two copies of each run")
    # n0 alone stands in rack a, so it has one of each.
    assert sorted(p.job for p in c.on_node(c[0])) == [f"r/{i}" for i in range(4)]


def test_a_group_runs_no_more_at_once_than_it_may(three):
    c = three
    jobs = [f"q/{i}" for i in range(6)]
    for i, job in enumerate(jobs):
        c[i % 3].submit(job, group="q", max_running=2, priority=90 if i == 5 else 50)

    def two():
        live = [job for job in jobs if c.counts()[job] == 1]
        return len(live) == 2 and sum(c.counts().values()) == 2 and live
    first = eventually(two, 5, "two run")
    waits = next(job for job in reversed(jobs) if job not in first)
    why = eventually(lambda: c[1].get(f"/v1/why/{waits}")["reason"] or None, 3, "a reason")
    why = eventually(lambda: "2 of 2 running" in c[1].get(f"/v1/why/{waits}")["reason"] and
                     c[1].get(f"/v1/why/{waits}")["reason"], 5, f"it says for what: {why}")
    assert why.startswith("waits for a permit of group q: 2 of 2 running ("), why
    assert all(job in why for job in first) and why.endswith("before it"), why
    c[0].delete(f"/v1/jobs/{first[0]}")
    second = eventually(two, 5, "the next one has its turn")
    if "q/5" not in first:
        assert "q/5" in second, "by priority"
    keeper = next(s["node"] for s in c[2].get("/v1/place/%s" % second[0])["bench"] if s["keeper"])
    next(a for a in c if a.name == keeper).kill9()
    for _ in range(60):
        assert sum(c.counts().values()) <= 2
        time.sleep(0.05)
    eventually(two, 20, "two run again")


def test_apart_keeps_jobs_from_each_other_both_ways(three):
    c = three
    c[0].submit("db/main", on=f"node == {c[0].name}")
    c.wait_once({"db/main"}, 5)
    for i in range(2):  # a third might fill a node, which would then not be asked
        c[i].submit(f"web/{i}", apart="db/*", prefer=f"node == {c[0].name}")
    c[1].submit("solo/1", apart="solo/*", on="tag.rack == b")
    c[2].submit("solo/2", apart="solo/*", on="tag.rack == b")
    where = nodes_of(c, "web/0", "web/1", "solo/1", "solo/2", "db/main")
    assert 0 not in [where[f"web/{i}"] for i in range(2)] and where["solo/1"] != where["solo/2"]
    c[0].submit("solo/3", apart="solo/*", on="tag.rack == b")
    reason = eventually(lambda: "may not run beside what 2 of" in
                        (c[1].get("/v1/runs/solo/3")["reason"] or "") and
                        c[1].get("/v1/runs/solo/3")["reason"], 5, "it waits")
    assert "(solo/" in reason, reason
    assert "no: it may not run beside solo/" in c[2].cli("why", "solo/3")[1]
    c[0].delete("/v1/jobs/solo/2")
    eventually(lambda: c.counts()["solo/3"] == 1, 5, "it has its place")
    # And the other way round: what is named does not come to it.
    c[0].submit("db/two", on=f"node == {c[where['web/0']].name}")
    eventually(lambda: "(web/" in (c[1].get("/v1/runs/db/two")["reason"] or ""), 5, "it waits too")


def test_rebalance_levels_the_load_and_whatif_adds_a_node(three):
    c = three
    assert c[2].cli("node", "hold", c[2].name)[0] == 0
    for i in range(6):
        c[i % 2].submit(f"s/{i}")
    c[1].submit("fix", move="never")
    c[1].submit("gpu8", on="tag.gpu == 8")
    nodes_of(c, *[f"s/{i}" for i in range(6)], "fix")
    first = {p.job: p.pid for p in c.processes()}
    assert c[2].cli("node", "release", c[2].name)[0] == 0
    code, out, said = eventually(lambda: (lambda r: "would move" in r[1] and r)(
        c[1].cli("rebalance", "--dry-run")), 5, "there is something to move")
    assert code == 0 and {p.job: p.pid for p in c.processes()} == first, said
    assert "fix" not in out
    code, out, said = c[1].cli("whatif", "--add", "delta=4,gpu=8")
    assert code == 0 and "gpu8" in out and "it waits for a place" in out, (out, said)
    code, out, said = c[1].cli("rebalance")
    assert code == 0 and " moved." in out, (out, said)
    counts = {a.name: len(c.on_node(a)) for a in c}
    assert max(counts.values()) - min(counts.values()) <= 1, counts
    assert "level" in c[0].cli("rebalance")[1]
