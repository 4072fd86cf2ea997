# SPDX-License-Identifier: Apache-2.0
"""Runs made by hand from a template: one for one key, many from a file, and their end with it."""
import collections
import json
import os
import threading

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent

KEYS = 1000


def states(agent, job):
    items, after = [], ""
    while after is not None:
        page = agent.get(f"/v1/runs?job={job}&limit=1000" + (f"&after={after}" if after else ""))
        items += page["items"]
        after = page["next"]
    assert len({i["run"] for i in items}) == len(items)
    return collections.Counter(i["state"] for i in items)


def test_one_key_is_one_run_on_whichever_nodes_it_is_asked_for(clusters):
    c = clusters(3, slots=4)
    c.wait_benches()
    c[0].put("/v1/jobs/order", {"kind": "task", "start": "manual", "on": 'node == "nobody"',
                                "exec": ["true"]})
    answers = [[], [], []]

    def submit(k):
        """The same keys on every node, a hundred with one request and each once alone."""
        for first in range(0, KEYS, 100):
            items = [{"key": f"key {i}", "arg": str(k)} for i in range(first, first + 100)]
            answers[k] += c[k].call("POST", "/v1/jobs/order/run", {"items": items})["items"]
        for i in range(k, KEYS, 50):
            one = c[k].call("POST", "/v1/jobs/order/run", {"key": f"key {i}"})
            assert one["already"] and one["run"]["run"] == answers[k][i]["run"], one

    threads = [threading.Thread(target=submit, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = [[a["run"] for a in of] for of in answers]
    assert runs[0] == runs[1] == runs[2] and len(set(runs[0])) == KEYS
    # Of three that ask for one key, one has made its run.
    assert sum(not a["already"] for of in answers for a in of) == KEYS
    assert states(c[2], "order") == {"pending": KEYS}
    c[1].delete("/v1/jobs/order")
    eventually(lambda: not c[0].runs("?job=order"), 30, "they go with their template")


def test_a_template_runs_when_it_is_triggered(clusters, tmp_path):
    c = clusters(3, slots=6)
    c.wait_benches()
    seen = tmp_path / "seen"
    spec = {"kind": "task", "start": "manual", "arg": "nobody", "keep": {"ok": 5},
            "shell": f'echo "$MUSTER_ARG" >> {seen}; echo "to %{{arg}}"; exit ${{#MUSTER_ARG}}',
            "exit_ok": [0, 6], "retry": 0}
    c[0].put("/v1/jobs/mail", spec)
    assert "runs when it is triggered" in c[1].cli("ls")[1]
    code, out, err = c[1].cli("trigger", "mail", "--wait")
    assert code == 6 and "to nobody" in out and err == "", (code, out, err)
    code, out, err = c[2].cli("trigger", "mail", "--arg", "ann", "--key", "7", "--wait")
    assert code == 3 and "is dead" in err, (code, out, err)
    assert seen.read_text() == "nobody\nann\n"
    # The key is known as long as its run is there, and whatever else is said with it.
    code, out, err = c[0].cli("trigger", "mail", "--arg", "bob", "--key", "7")
    assert code == 0 and "there already: dead" in out, (code, out, err)
    dead = c[0].runs("?job=mail&state=dead")[0]["run"]
    assert c[0].cli("dead", "drop", dead)[0] == 0
    counts = tmp_path / "counts"
    c[1].put("/v1/jobs/report", {"kind": "task", "after": "mail any", "overlap": "queue",
                                 "shell": f"wc -l < {seen} >> {counts}"})
    # From a file, broken off in the middle and said again.
    lines = tmp_path / "lines"
    lines.write_text("".join(f"to {i:03}\n" for i in range(60)))
    code, out, err = c[0].cli("trigger", "mail", "--from", "-", "--batch", "b",
                              input=lines.read_text()[:210])
    assert code == 0 and "30 runs: 30 new, 0 there already" in out, (code, out, err)
    code, out, err = c[1].cli("trigger", "mail", "--from", str(lines), "--batch", "b", "--json")
    told = json.loads(out)
    assert code == 0 and (told["new"], told["already"]) == (30, 30), (code, out, err)
    eventually(lambda: states(c[0], "mail")["done"] == 61, 30, "all have run")
    assert sorted(seen.read_text().splitlines()[2:]) == lines.read_text().splitlines()
    # Those without a key are kept by their number.
    for _ in range(8):
        assert c[2].cli("trigger", "mail")[0] == 0
    eventually(lambda: states(c[0], "mail")["done"] == 60 + 5, 30, "the oldest go")
    # What starts after them has seen them all.
    eventually(lambda: counts.exists() and counts.read_text().split()[-1:] == ["70"], 20,
               "the report follows the last run")
    assert len(counts.read_text().split()) <= 4, counts.read_text()
    eventually(lambda: "waits for mail to end; that is a template with nothing that waits or runs"
               in c[2].cli("why", "report")[1], 5, "it says what it waits for")
    # Held: not triggered, and what waits goes on waiting; stopped; wrong.
    for words, says in ((("hold", "mail"), "is held"), (("stop", "mail"), "is stopped")):
        assert c[0].cli(*words)[0] == 0
        code, _, err = c[1].cli("trigger", "mail")
        assert code == 4 and says in err, (code, err)
    assert c[0].cli("trigger", "nothing")[0] == 3
    c[0].put("/v1/jobs/plain", {"kind": "task", "exec": ["true"]})
    code, _, err = c[0].cli("trigger", "plain")
    assert code == 4 and "starts by itself" in err, (code, err)


def on_disk(cluster, runs):
    """How many of these runs have a record in the data folder of any agent."""
    seen = b""
    for agent in cluster.agents:
        for folder, _, names in os.walk(agent.data):
            for name in (n for n in names if n.endswith(".mdb")):
                with open(os.path.join(folder, name), "rb") as file:
                    seen += file.read()
    return sum(run.encode() in seen for run in runs)


def test_what_is_not_durable_is_in_memories_alone(clusters):
    c = clusters(3, slots=2)
    c.wait_benches()
    task = {"kind": "task", "start": "manual", "exec": ["true"], "on": 'node == "nobody"'}
    runs = {}
    for job, durable in (("kept", True), ("light", False)):
        c[0].put(f"/v1/jobs/{job}", {**task, "durable": durable})
        items = [{"key": str(i)} for i in range(40)]
        made = c[1].call("POST", f"/v1/jobs/{job}/run", {"items": items})["items"]
        assert {i["copies"] for i in made} == {3}, made
        runs[job] = [i["run"] for i in made]
    assert (on_disk(c, runs["kept"]), on_disk(c, runs["light"])) == (40, 0)
    assert "in the memory of " in c[2].cli("show", runs["light"][0])[1]
    assert "stored on " in c[2].cli("show", runs["kept"][0])[1]
    code, out, err = c[2].cli("run", "--name", "now", "--kind", "task", "--set", "durable=no",
                              "--", "true")
    assert code == 0 and "in the memory of " in out, (code, out, err)
    c[0].kill9()
    eventually(lambda: states(c[1], "light") == {"pending": 40}, 20, "two are left and have them")
    # All of them die, and remember what was on disk.
    for agent in c.up():
        agent.kill9()
    c.start()
    c.wait_benches()
    assert states(c[1], "light") == {} and states(c[1], "kept") == {"pending": 40}
    code, out, err = c[0].cli("trigger", "light", "--key", "7")
    assert code == 0 and "there already" not in out, (code, out, err)
