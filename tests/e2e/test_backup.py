# SPDX-License-Identifier: Apache-2.0
"""A cluster's jobs and payloads as a file, and what becomes of it in another cluster."""
import json
import tarfile

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent


def state(agent, name):
    return agent.get(f"/v1/jobs/{name}")["state"]


def fill(agent, tmp_path):
    (tmp_path / "bytes").write_bytes(b"model\n" * 30000)
    assert agent.cli("payload", "put", str(tmp_path / "bytes"))[0] == 0
    sha = agent.get("/v1/payloads")["items"][0]["sha256"]
    agent.put("/v1/jobs/feed", {"kind": "service", "exec": ["/bin/sleep", "1000"], "payload": sha})
    agent.put("/v1/jobs/once", {"kind": "task", "shell": "true"})
    agent.put("/v1/jobs/quiet", {"kind": "service", "exec": ["/bin/sleep", "1000"]})
    agent.put("/v1/jobs/tick", {"kind": "cron", "cron": "* * * * *", "shell": "true"})
    assert agent.cli("stop", "quiet")[0] == 0
    eventually(lambda: state(agent, "once") == "done" and state(agent, "feed") == "running" and
               state(agent, "quiet") == "stopped", 15, "it is as it is to be")


def test_a_backup_comes_back_in_another_cluster_and_starts_when_told(clusters, tmp_path):
    here, there = clusters(1, slots=4), clusters(1, slots=4)
    here.wait_benches()
    there.wait_benches()
    fill(here[0], tmp_path)
    token = int(here[0].get("/v1/runs/feed")["token"])
    file = tmp_path / "cluster.backup"
    assert here[0].cli("backup", str(file)) == (0, f"{file}: 4 jobs, 1 payload\n", "")
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as tar:
        names = tar.getnames()
        end = json.load(tar.extractfile("backup.json"))
    assert names[0] == "jobs.jsonl" and names[-1] == "backup.json" and len(names) == 3
    assert int(end["token"]) >= token and end["jobs"] == 4
    code, out, _ = there[0].cli("restore", "--dry-run", str(file))
    assert code == 0 and ": whole; 4 jobs, 1 payload, of 20" in out
    assert there[0].get("/v1/jobs")["items"] == []
    # A damaged byte, or an end that is missing, and nothing is touched.
    bad = bytearray(file.read_bytes())
    bad[len(bad) // 2] ^= 1
    (tmp_path / "bad").write_bytes(bad)
    (tmp_path / "cut").write_bytes(file.read_bytes()[:-4096])
    assert "is damaged; take another" in there[0].cli("restore", str(tmp_path / "bad"))[2]
    assert there[0].cli("restore", str(tmp_path / "cut"))[0] == 78
    assert there[0].get("/v1/jobs")["items"] == []
    there[0].put("/v1/jobs/once", {"kind": "task", "shell": "false", "retry": 0})
    code, out, err = there[0].cli("restore", str(file))
    assert code == 4 and "exists here and says something else" in err, (code, out, err)
    assert "3 of 4 jobs restored, 0 there already, 1 failed; 1 of 1 payload\n" in out
    assert "'muster release --all'" in out and state(there[0], "feed") == "pending"
    assert there[0].cli("rm", "once", "--wait")[0] == 0
    code, out, err = there[0].cli("restore", str(file))
    assert code == 0 and "1 of 4 jobs restored, 3 there already; 1 of 1 payload\n" in out, err
    assert there[0].cli("release", "--all")[0] == 0
    eventually(lambda: state(there[0], "feed") == "running", 15, "it runs")
    assert int(there[0].get("/v1/runs/feed")["token"]) > int(end["token"])
    assert (state(there[0], "once"), state(there[0], "quiet")) == ("done", "stopped")
    before = here[0].get("/v1/jobs/tick")
    assert there[0].get("/v1/jobs/tick")["created"] == before["created"]
    assert there[0].cli("payload", "ls")[1].endswith("1 payload, 175.8K.\n")
