# SPDX-License-Identifier: Apache-2.0
"""Bytes that jobs share: brought to one node, there for a run on any, also when that one dies."""
import hashlib
import http.client
import os
import threading

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent

SIZE = 3 << 20


def folder(agent):
    return os.path.join(agent.folder, "data", "payloads")


def has(agent, sha):
    return os.path.exists(os.path.join(folder(agent), sha))


def write(path, data):
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_a_payload_outlives_the_node_that_was_given_it(clusters, tmp_path):
    c = clusters(4, slots=4)
    c.wait_benches()
    data = os.urandom(SIZE)
    sha = write(tmp_path / "data", data)
    code, out, err = c[0].cli("payload", "put", str(tmp_path / "data"))
    assert (code, out) == (0, f"sha256:{sha}  3.0M, stored on 3 nodes\n"), (code, out, err)
    others = [a for a in c.agents[1:] if not has(a, sha)]
    assert 1 <= len(others) <= 2 and has(c[0], sha)
    c[0].kill9()
    # On the node without it: pulled from whoever is left.
    job = {"kind": "task", "payload": sha, "on": f'node == "{others[0].name}"',
           "shell": 'echo $MUSTER_PAYLOAD; sha256sum < "$MUSTER_PAYLOAD"'}
    others[0].put("/v1/jobs/reads", job)
    eventually(lambda: others[0].get("/v1/jobs/reads")["state"] == "done", 10, "it has read it")
    code, out, _ = others[0].cli("logs", "reads")
    assert out.split() == [os.path.join(folder(others[0]), sha), sha, "-"], out
    assert os.stat(os.path.join(folder(others[0]), sha)).st_mode & 0o777 == 0o444
    code, _, err = others[0].cli("payload", "get", sha[:9], "-o", str(tmp_path / "back"))
    assert code == 0 and (tmp_path / "back").read_bytes() == data, err
    # What is named stays, and a second put changes nothing.
    code, _, err = others[0].cli("payload", "rm", sha)
    assert code == 4 and "is named by reads" in err
    code, out, _ = others[0].cli("payload", "put", str(tmp_path / "data"))
    assert code == 0 and "there already" in out


def test_what_nobody_has_is_said_and_waited_for(clusters, tmp_path):
    c = clusters(3, slots=4, extra=["--max-payload", "1M"])
    c.wait_benches()
    sha = write(tmp_path / "late", b"late, and yet\n" * 9)
    c[0].put("/v1/jobs/waits", {"kind": "task", "payload": f"sha256:{sha}",
                                "shell": 'cat "$MUSTER_PAYLOAD"'})
    want = f"payload {sha[:12]}: no node that answers has it"
    eventually(lambda: want in c[1].cli("why", "waits")[1], 10, "why says so")
    assert want in c[2].cli("ps")[1]
    assert c[1].cli("payload", "get", sha, "-o", str(tmp_path / "x"))[0] == 3
    code, out, err = c[2].cli("payload", "put", "-", input=(tmp_path / "late").read_text())
    assert (code, err) == (0, ""), (out, err)
    eventually(lambda: c[0].get("/v1/jobs/waits")["state"] == "done", 12, "it comes and it runs")
    # Too large by what was announced, and by what came.
    (tmp_path / "large").write_bytes(bytes(2 << 20))
    code, _, err = c[0].cli("payload", "put", str(tmp_path / "large"))
    assert code == 2 and "max_payload" in err, (code, err)
    connection = http.client.HTTPConnection(c[0].host, 7948, timeout=10)
    connection.request("PUT", "/v1/payloads", body=(bytes(65536) for _ in range(20)),
                       encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert connection.getresponse().status == 413
    eventually(lambda: len(os.listdir(folder(c[0]))) <= 1, 9, "what came of it is gone")


def test_an_agent_that_dies_in_the_middle_has_promised_nothing(clusters):
    c = clusters(3, slots=4)
    c.wait_benches()
    sent, failed = threading.Event(), []

    def parts():
        for _ in range(40):
            yield bytes(65536)
        sent.set()
        while c[0].is_up():
            yield b"x"

    def put():
        connection = http.client.HTTPConnection(c[0].host, 7948, timeout=20)
        try:
            connection.request("PUT", "/v1/payloads", body=parts(), encode_chunked=True,
                               headers={"Transfer-Encoding": "chunked"})
            failed.append(connection.getresponse().status != 200)
        except (OSError, http.client.HTTPException):
            failed.append(True)

    thread = threading.Thread(target=put)
    thread.start()
    assert sent.wait(15)
    eventually(lambda: any(n.startswith(".new-") for n in os.listdir(folder(c[0]))), 9, "grows")
    c[0].kill9()
    thread.join()
    assert failed == [True]
    c[0].start()
    assert os.listdir(folder(c[0])) == [] and c[1].get("/v1/payloads")["items"] == []
