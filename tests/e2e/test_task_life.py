# SPDX-License-Identifier: Apache-2.0
"""The life of a task: what it says and leaves while it runs, and who finds it again."""
import os

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
