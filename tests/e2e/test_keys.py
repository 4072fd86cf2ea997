# SPDX-License-Identifier: Apache-2.0
"""Keys of a cluster: installed, used and removed everywhere by one word; kept over a restart; and
who has another one is told so on both sides."""
import json
import os
import stat
import subprocess

from agent import BUILD, eventually
from cluster import Cluster


def keygen(*words):
    return subprocess.check_output([os.path.join(BUILD, "muster"), "keygen", *words],
                                   text=True).strip()


def marks(agent):
    """Key to (nodes that have it, nodes that use it)."""
    code, said, complaint = agent.cli("keys", "list")
    assert code == 0, said + complaint
    rows = [line.split() for line in said.splitlines()[1:-1]]
    return {row[0]: (int(row[1]), int(row[2])) for row in rows}


def test_a_key_is_changed_everywhere_and_kept():
    old, new = keygen(), keygen("--bits", "192")
    with Cluster(3, extra=["--encrypt", old]) as c:
        (first,) = marks(c[0])
        assert c[0].cli("keys", "install", "-", input=new + "\n")[:2] == (
            0, "installed on 3 of 3 nodes\n")
        second = (set(marks(c[1])) - {first}).pop()
        assert marks(c[2]) == {first: (3, 3), second: (3, 0)}
        code, _, complaint = c[1].cli("keys", "remove", first)
        assert code == 4 and "still uses that key" in complaint
        code, _, complaint = c[1].cli("keys", "use", keygen())
        assert code == 4 and "does not have that key" in complaint
        assert c[1].cli("keys", "use", second[:6])[0] == 0
        assert c[2].cli("keys", "remove", old)[0] == 0
        assert marks(c[0]) == {second: (3, 3)}
        refused = c[0].request("POST", "/v1/keys/use", {"key": second})
        assert refused.status == 403 and json.loads(refused.body)["error"]["code"] == "denied"

        # The file counts now, not what the configuration says.
        path = os.path.join(c[2].data, "keyring")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path, encoding="ascii") as file:
            assert json.load(file) == [new]
        c[2].kill9()
        c[2].start()
        assert "is not in" in c[2].log() and new not in c[2].log()
        c.wait_members()
        assert marks(c[2]) == {second: (3, 3)}

        # Whoever has another key is not heard, and both sides say so.
        lost = c.add(start=False, name="lost")
        lost.start(wait=False)
        eventually(lambda: any("is not heard here" in reason for reason in
                               json.loads(lost.request("GET", "/health").body)["reasons"]), 10)
        assert any("is not heard here" in reason for agent in c.agents[:3] for reason in
                   json.loads(agent.request("GET", "/health").body)["reasons"])
        assert "lost" not in c[0].members()
        lost.kill9()


def test_without_keys_they_cannot_be_changed():
    with Cluster(1) as c:
        code, said, _ = c[0].cli("keys", "list")
        assert code == 0 and "nothing is encrypted" in said
        code, _, complaint = c[0].cli("keys", "install", keygen())
        assert code != 0 and "has no keys" in complaint
        bad = c.add(start=False, extra=["--encrypt", "/nonexistent/keyring"])
        bad.may_complain = True
        bad.start(wait=False)
        assert bad.exit_code() == 78 and "/nonexistent/keyring" in bad.log()
