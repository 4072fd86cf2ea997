# SPDX-License-Identifier: Apache-2.0
"""The life of a task: what it says and leaves while it runs, and who finds it again."""
import os
import time

from agent import BUILD, eventually
from conftest import needs_agent

pytestmark = needs_agent

MUSTER = os.path.join(BUILD, "muster")

HALVES = f"""
if [ -z "$MUSTER_CHECKPOINT" ]; then
    echo half > "$WORK.a"
    {MUSTER} notify --progress 1/2 --status 'half way' --message first --checkpoint "$WORK.a"
    rm "$WORK.a"
    while [ -e "$WORK.wait" ]; do sleep 0.02; done
    exit 1
fi
cat "$MUSTER_CHECKPOINT" > "$WORK.b" && echo whole >> "$WORK.b"
{MUSTER} notify --message second --result "$WORK.b"
rm "$WORK.b"
"""


def test_what_a_task_leaves_is_found_by_its_next_attempt_and_from_any_node(clusters):
    c = clusters(3)
    c.wait_benches()
    work = os.path.join(c.folder, "halves")
    open(work + ".wait", "w").close()
    c[0].submit("halves", exec=("/bin/sh", "-c", HALVES), kind="task", env={"WORK": work},
                retry_local=1, backoff={"first": "1ms"})

    def seen(agent):
        run = agent.get("/v1/runs/halves")
        return run["progress"] == {"done": 1, "total": 2} and run["note"] == "half way"

    eventually(lambda: all(seen(a) for a in c), 3, "progress and note are seen from every node")
    code, said, _ = c[1].cli("ps")
    assert code == 0 and "50% 1/2 half way" in said, said
    os.remove(work + ".wait")
    eventually(lambda: c[0].get("/v1/jobs/halves")["state"] == "done", 5, "it is done")
    for agent in c:
        assert agent.cli("result", "halves")[1] == "half\nwhole\n"
        messages = agent.get("/v1/runs/halves/messages")["items"]
        assert [m["text"] for m in messages] == ["first", "second"]
        assert messages[0]["node"] != messages[1]["node"], "the second attempt was elsewhere"
    assert len(c[0].jobs()) == 1, "what it has left is no job"
    c[0].delete("/v1/jobs/halves")
    c[0].submit("halves", exec=("true",), kind="task")
    eventually(lambda: c[0].get("/v1/jobs/halves")["state"] == "done", 5, "it is done again")
    code, _, complaint = c[0].cli("result", "halves")
    assert code == 3 and "no result" in complaint, complaint


def test_a_dead_task_tells_its_attempts_and_is_tried_again(clusters):
    c = clusters(2)
    c.wait_benches()
    flag = os.path.join(c.folder, "flag")
    line = f"echo try $MUSTER_ATTEMPT; test -e {flag} || exit 9"
    c[0].submit("bad", exec=("/bin/sh", "-c", line), kind="task",
                retry=["1ms", "1ms"], retry_local=2)
    eventually(lambda: c[1].get("/v1/jobs/bad")["state"] == "dead", 5, "it is dead")
    for agent in c:
        attempts = agent.get("/v1/runs/bad")["attempts"]
        assert [a["attempt"] for a in attempts] == [1, 2, 3]
        assert [a["exit"]["code"] for a in attempts] == [9, 9, 9]
        assert len({a["node"] for a in attempts}) == 2, "two here, then the next node"
    code, said, _ = c[1].cli("dead", "ls")
    assert code == 0 and "bad" in said
    code, said, _ = c[1].cli("dead", "show", "bad")
    assert code == 0 and said.count("exit 9") >= 4 and "try 3" in said, said
    assert "exit 9; no retry is left after 3 attempts" in c[0].cli("why", "bad")[1]
    last = attempts[-1]["node"]
    assert c[0].cli("runs", "bad")[1].splitlines()[1].split()[:3] == ["bad", "dead", last]
    c[0].submit("never", exec=("/bin/sh", "-c", "exit 64"), kind="task", exit_dead=[64])
    eventually(lambda: c[1].get("/v1/jobs/never")["state"] == "dead", 5, "it is dead")
    assert c[1].get("/v1/runs/never")["attempt"] == 1
    assert "exit 64; `exit_dead` names it" in c[0].cli("why", "never")[1]
    assert c[0].cli("dead", "drop", "never")[0] == 0
    open(flag, "w").close()
    assert c[1].cli("dead", "retry", "--all")[0] == 0
    assert c[1].cli("wait", "bad", "--timeout", "5s")[0] == 0
    code, _, complaint = c[1].cli("dead", "drop", "bad")
    assert code == 4 and "not dead but done" in complaint, complaint


def test_run_wait_prints_what_it_wrote_and_returns_its_code(clusters):
    c = clusters(1)
    code, said, complaint = c[0].cli("run", "--wait", "--retry", "0", "--name", "x",
                                     "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert code == 7
    assert "\nout\n" in said and "err\n" in complaint, (said, complaint)
    c[0].submit("a", exec=("/bin/sh", "-c", "trap 'exit 0' USR1; while :; do sleep 0.05; done"),
                kind="task")
    c[0].submit("b", exec=("sleep", "0.1"), kind="task")
    eventually(lambda: c[0].get("/v1/jobs/a")["state"] == "running", 5, "it runs")
    code, said, _ = c[0].cli("wait", "a", "b", "--timeout", "300ms")
    assert code == 6 and "b  done" in said
    assert c[0].cli("signal", "a", "USR1")[0] == 0
    assert c[0].cli("wait", "a", "b", "--timeout", "5s")[1] == "a  done\nb  done\n"
    code, _, complaint = c[0].cli("signal", "a", "USR1")
    assert code == 4 and "no process" in complaint, complaint


def test_what_takes_too_long_is_dead(clusters):
    c = clusters(2, slots=2)
    c.wait_benches()
    c[0].submit("long", kind="task", deadline="700ms")
    c[0].submit("broad", kind="task", slots=3, start_timeout="500ms")
    c[0].submit("failing", exec=("false",), kind="task", retry="forever", deadline="900ms",
                backoff={"first": "1h", "max": "1h"})

    def said(job):
        run = c[1].get(f"/v1/runs/{job}")
        return run["reason"] if run["state"] == "dead" else None

    assert "deadline is over: not done after 700ms" in eventually(lambda: said("long"), 5, "dead")
    assert "long" not in c.by_job(), "its process has ended before"
    assert "no place within 500ms" in eventually(lambda: said("broad"), 5, "dead")
    assert "deadline is over" in eventually(lambda: said("failing"), 5, "dead in its back-off")


def test_copies_that_are_run_again_have_their_time_anew(clusters):
    """The deadline of a run counts from the wish for it, not from the day its row was made."""
    c = clusters(2, slots=2)
    c.wait_benches()
    mark = os.path.join(c.folder, "mark")
    c[0].submit("pair", exec=("/bin/sh", "-c", f"echo >> {mark}"), kind="task", spread=2,
                deadline="2s")

    def done(lines):
        runs = [c[1].get(f"/v1/runs/pair@{i}") for i in (1, 2)]
        assert all(run["state"] != "dead" for run in runs), runs
        with open(mark, "a+", encoding="ascii") as file:
            file.seek(0)
            return all(r["state"] == "done" for r in runs) and len(file.read()) == lines

    eventually(lambda: done(2), 5, "both are done")
    time.sleep(2.2)
    assert c[0].cli("restart", "pair")[0] == 0
    eventually(lambda: done(4), 5, "both have run again")


def test_a_back_off_outlives_its_node(clusters):
    """(j) The time is in the record: the next node waits for what is left of it, and no longer."""
    c = clusters(3)
    c.wait_benches()
    mark = os.path.join(c.folder, "mark")
    c[0].submit("later", exec=("/bin/sh", "-c", f"date +%s.%N >> {mark}; exit 1"), kind="task",
                retry=1, retry_local=9, backoff={"first": "5s", "max": "5s"})

    def waits():
        run = c[0].get("/v1/runs/later")
        return run["node"] if run["not_before"] else None

    node = eventually(waits, 5, "it waits to be tried again")
    home = next(a for a in c if a.name == node)
    home.kill9()
    other = next(a for a in c if a is not home)
    eventually(lambda: other.get("/v1/runs/later")["state"] == "dead", 12, "it was tried again")
    first, second = (float(line) for line in open(mark))
    assert 3.9 < second - first < 7, second - first
    attempts = other.get("/v1/runs/later")["attempts"]
    assert len({a["node"] for a in attempts if a["exit"]["code"] == 1}) == 2, attempts
