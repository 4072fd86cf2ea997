# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in wrong is refused with what and where, by an exit code from the list, and
changes nothing. Each test looks again at what was there before."""
import json
import os
import random
import shutil
import socket
import subprocess

import pytest

import lmdb
from agent import GOSSIP_PORT, HTTP_PORT, PEER_PORT, ApiError, eventually, holds
from cluster import Cluster
from conftest import needs_agent

pytestmark = needs_agent

# Failed, usage, not found, exists, unreachable, timed out, partition, not allowed; configuration.
BAD_CODES = {1, 2, 3, 4, 5, 6, 7, 8, 78}
HERE = os.path.dirname(__file__)

BROKEN_FILES = [
    # file name, its text, words that the complaint must contain
    ("indent.yaml", "name: x\n  kind: service\nexec: [sleep, '9']\n", ["indent.yaml", ":2"]),
    ("open-bracket.yaml", "name: x\nexec: [sleep, '9'\n", ["open-bracket.yaml"]),
    ("unknown.yaml", "name: x\nexec: [a]\ncolour: red\n", ["unknown.yaml", ":3", "colour"]),
    ("twice.yaml", "name: x\nexec: [a]\nname: y\n", ["twice.yaml", ":3", "name"]),
    ("no-command.yaml", "name: x\nkind: service\n", ["no-command.yaml", "exec"]),
    ("duration.yaml", "name: x\nexec: [a]\nstop_timeout: soon\n", [":3", "stop_timeout", "soon"]),
    ("slots.yaml", "name: x\nexec: [a]\nslots: 0\n", ["slots.yaml", ":3", "slots"]),
    ("name.yaml", "name: Not A Name\nexec: [a]\n", ["name.yaml", ":1", "Not A Name"]),
    ("anchor.yaml", "name: &a x\nexec: [*a]\n", ["anchor.yaml"]),
    ("broken.json", '{"name": "x", "exec": ["sleep" "9"]}\n', ["broken.json", ":1"]),
    ("binary.yaml", "name: \x01\x02\n", ["binary.yaml"]),
    ("deep.yaml", "name: x\nexec: " + "[" * 5000 + "\n", ["deep.yaml"]),
    ("empty.yaml", "", ["empty.yaml"]),
]

BROKEN_BODIES = [
    # what a client PUTs, and the field or words that the answer must name
    ("cut", b'{"exec": ["sleep"', None, "1:17"),
    ("no JSON", b"hello", None, "1:5"),
    ("empty", b"", None, ""),
    ("array", b"[]", None, ""),
    ("unknown key", b'{"exec": ["a"], "colour": "red"}', "colour", "colour"),
    ("repeated key", b'{"exec": ["a"], "exec": ["b"]}', None, "exec"),
    ("wrong type", b'{"exec": "sleep 9"}', "exec", "list"),
    ("nothing to run", b'{"kind": "service"}', "exec", ""),
    ("two ways to run", b'{"exec": ["a"], "shell": "b"}', None, "exec"),
    ("unknown kind", b'{"exec": ["a"], "kind": "pod"}', "kind", "pod"),
    ("slots 0", b'{"exec": ["a"], "slots": 0}', "slots", ""),
    ("negative", b'{"exec": ["a"], "priority": -1}', "priority", ""),
    ("another name", b'{"exec": ["a"], "name": "other"}', "name", ""),
    ("our own variable", b'{"exec": ["a"], "env": {"MUSTER_NODE": "x"}}', None, "MUSTER_NODE"),
    ("not UTF-8", b'{"exec": ["\xff\xfe"]}', None, ""),
    ("NUL", b'{"exec": ["a\\u0000b"]}', None, ""),
]


NOWHERE = [
    ("GET", "/nowhere", 404), ("GET", "/v1/jobs/none", 404), ("DELETE", "/v1/jobs/none", 404),
    ("GET", "/v1/runs/none", 404), ("POST", "/v1/jobs/good/fly", 404), ("GET", "/v1/jobs/%00", 400),
    ("GET", "/v1/jobs?limit=many", 400),
    ("GET", "/v1/runs?state=runing", 400),
    ("PUT", "/v1/jobs/UPPER%20CASE", 400),
]


@pytest.fixture(scope="module")
def lone_cluster():
    with Cluster(1, slots=4) as c:
        yield c


@pytest.fixture
def solo(request, lone_cluster):
    """One agent, shared by many tests, with one service that must come through each unharmed."""
    c = lone_cluster
    c[0].submit("good")
    before = c.wait_once({"good"}, 10)["good"]
    yield c
    if request.node.failed:
        print(c.logs())
    after = c.wait_once({"good"}, 5)["good"]
    assert (after.pid, after.token) == (before.pid, before.token), "the good job was disturbed"
    assert sorted(c[0].jobs()) == ["good"], "something was left behind"


@pytest.mark.parametrize("name,text,words", BROKEN_FILES, ids=[f[0] for f in BROKEN_FILES])
def test_a_broken_job_file_is_refused_with_its_line(solo, name, text, words):
    path = os.path.join(solo.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    for verb in ("check", "apply"):
        code, out, err = solo[0].cli(verb, path)
        assert code in BAD_CODES, f"muster {verb}: {code} {out} {err}"
        missing = [word for word in words if word not in err]
        assert not missing, f"muster {verb} does not name {missing}: {err}"


@pytest.mark.parametrize("what,body,field,words", BROKEN_BODIES, ids=[b[0] for b in BROKEN_BODIES])
def test_a_broken_request_is_refused_with_its_field(solo, what, body, field, words):
    with pytest.raises(ApiError) as refused:
        solo[0].put("/v1/jobs/bad", body)
    error = refused.value
    assert 400 <= error.status < 500 and error.code and error.message, error
    assert words in error.message or words in (error.field or ""), error
    assert field is None or error.field == field, error


def test_requests_to_nowhere_are_refused(solo):
    for method, path, status in NOWHERE:
        reply = solo[0].request(method, path, '{"exec": ["a"]}' if method == "PUT" else None)
        assert reply.status == status, f"{method} {path}: {reply}"
        error = json.loads(reply.body)["error"]
        assert error["code"] and error["message"], reply


def test_a_body_beyond_the_limit_is_refused(solo):
    reply = solo[0].request("PUT", "/v1/jobs/big", b'{"exec": ["' + b"a" * (4 << 20) + b'"]}')
    assert reply.status == 413, reply.status


def test_a_name_that_exists_is_a_conflict(solo):
    with pytest.raises(ApiError) as refused:
        solo[0].put("/v1/jobs/good", {"exec": ["sleep", "1"]}, headers={"If-None-Match": "*"})
    assert refused.value.status == 409 and "good" in refused.value.message
    assert solo[0].get("/v1/jobs/good")["spec"]["exec"] == ["sleep", "86400"]
    code, _, err = solo[0].cli("run", "--name", "good", "--", "sleep", "1")
    assert code == 4 and "good" in err, (code, err)


def test_a_command_that_does_not_exist_is_named(solo):
    agent = solo[0]
    agent.put("/v1/jobs/ghost", {"kind": "task", "exec": ["/no/such/program"], "retry": 0})

    def gave_up():
        run = agent.runs("?job=ghost")[0]
        return run["state"] == "dead" and run

    run = eventually(gave_up, 10, "the run is dead")
    told = json.dumps(run)
    assert "/no/such/program" in told and "not found" in told, told
    code, _, err = agent.cli("run", "--name", "ghost/2", "--kind", "task", "--retry", "0", "--wait",
                             "--", "/no/such/program")
    assert code in BAD_CODES | {126, 127} and "/no/such/program" in err, (code, err)
    for name in ("ghost", "ghost/2"):
        agent.delete(f"/v1/jobs/{name}")
    eventually(lambda: sorted(agent.jobs()) == ["good"], 5, "both are gone")


# ---- agents that must not start


def refusal(agent, *words):
    """Starts an agent that must end by itself, soon, with a code of the list and these words."""
    agent.may_complain = True
    agent.start(wait=False)
    code = agent.exit_code(20)
    assert code in BAD_CODES, f"exit code {code}:\n{agent.log(20)}"
    said = agent.log().split("---- start")[-1].partition("\n")[2].lower()
    missing = [word for word in words if word.lower() not in said]
    assert not missing, f"does not name {missing}:\n{said}"
    return code


@pytest.mark.parametrize("flags,words", [
    (["--slots", "0"], ["slots"]),
    (["--slots", "many"], ["slots", "many"]),
    (["--peer-port", "70000"], ["70000"]),
    (["--bind", "nonsense:x"], ["nonsense:x"]),
    (["--colour", "red"], ["colour"]),
    (["--replicas", "9"], ["replicas"]),
], ids=lambda value: "-".join(value).strip("-") if isinstance(value, list) else None)
def test_a_wrong_setting_is_refused_before_anything_is_made(clusters, flags, words):
    c = clusters(1, start=False, extra=flags)
    assert refusal(c[0], *words) in (2, 78)
    assert not os.path.exists(c[0].data), "a data folder was made"


def test_a_wrong_configuration_file_is_refused_with_its_line(clusters):
    c = clusters(1, start=False)
    path = os.path.join(c.folder, "muster.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("slots: 4\ncolour: red\n")
    c[0].extra = ["--config", path]
    assert refusal(c[0], path, ":2", "colour") == 78


@pytest.mark.parametrize("port,kind", [
    (GOSSIP_PORT, socket.SOCK_DGRAM), (GOSSIP_PORT, socket.SOCK_STREAM),
    (PEER_PORT, socket.SOCK_STREAM), (HTTP_PORT, socket.SOCK_STREAM),
], ids=["gossip-udp", "gossip-tcp", "peers", "http"])
def test_a_port_in_use_is_named(clusters, port, kind):
    c = clusters(1, start=False)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((c[0].host, port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        refusal(c[0], f"{c[0].host}:{port}", "in use")
    c[0].may_complain = False
    c[0].start()


def test_a_data_folder_in_use_is_refused(clusters):
    c = clusters(1)
    second = c.add(start=False, join=[])
    second.data = c[0].data
    refusal(second, second.data)


def test_a_data_folder_of_another_cluster_is_refused(clusters):
    """(R4)"""
    ours, theirs = clusters(2, slots=4), clusters(1, slots=4)
    ours[0].submit("ours")
    theirs[0].submit("theirs")
    theirs.wait_once({"theirs"}, 10)
    theirs[0].kill9()

    stranger = ours.add(start=False)
    stranger.data = theirs[0].data
    refusal(stranger, "cluster")
    assert set(ours[0].jobs()) == {"ours"}
    alive = {n for n, m in ours[0].members().items() if m["status"] == "alive"}
    assert alive == {ours[0].name, ours[1].name}
    theirs[0].start()
    theirs.wait_once({"theirs"}, 30)


def test_a_data_folder_of_a_newer_muster_is_refused_and_left_alone(clusters):
    c = clusters(1)
    c[0].submit("good")
    c[0].kill9()
    ours = lmdb.get(c[0].data, "meta", b"format")
    assert ours is not None and int(ours) > 0
    lmdb.put(c[0].data, "meta", b"format", b"99")
    refusal(c[0], c[0].data, "newer")
    assert lmdb.get(c[0].data, "meta", b"format") == b"99"

    lmdb.put(c[0].data, "meta", b"format", ours)
    c[0].may_complain = False
    c[0].start()
    c.wait_once({"good"}, 20)


def test_a_damaged_data_folder_is_refused(clusters):
    c = clusters(1)
    c[0].kill9()
    with open(os.path.join(c[0].data, "data.mdb"), "r+b") as file:
        file.write(random.Random(1).randbytes(8192))
    refusal(c[0], c[0].data, "damaged")


def test_a_copied_data_folder_is_refused(clusters):
    """(R3)"""
    c = clusters(3, slots=4)
    eventually(lambda: c[0].submit("good")["copies"] == 3, 40, "three copies", pause=0.2)
    c[2].term()
    shutil.copytree(c[2].data, os.path.join(c.folder, "copy"))
    c[2].start()
    c.wait_members()
    before = c.wait_once({"good"}, 20)["good"]

    twin = c.add(start=False)
    shutil.copytree(os.path.join(c.folder, "copy"), twin.data)
    refusal(twin, "cop")
    holds(lambda: c[2].is_up() and c.by_job()["good"].pid == before.pid, 3, "the original goes on")
    assert c[0].members()[c[2].name]["status"] == "alive"


# ---- a disk without room


@pytest.fixture
def small_disk():
    """Mounts small memory disks, and takes them away after the clusters on them are gone."""
    mounted = []

    def mount(path, size):
        os.makedirs(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        mounted.append(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", path], check=False)


def test_a_disk_too_small_to_start_on_is_named(small_disk, clusters):
    c = clusters(1, start=False)
    small_disk(c[0].data, "4m")
    refusal(c[0], c[0].data, "space")


def test_a_disk_that_fills_up_refuses_and_recovers(small_disk, clusters):
    """(R53)"""
    c = clusters(1, slots=20, start=False)
    agent = c[0]
    small_disk(agent.data, "160m")
    agent.start()
    agent.submit("good")
    before = c.wait_once({"good"}, 10)["good"]

    ballast = os.path.join(agent.data, "ballast")
    with open(ballast, "wb") as file:
        try:
            while file.write(b"\0" * 65536):
                file.flush()
        except OSError:
            pass
    accepted = []
    for i in range(10):
        try:
            agent.submit(f"late/{i}")
            accepted.append(f"late/{i}")
        except ApiError as error:
            assert error.status in (503, 507) and "space" in error.message.lower(), error
    assert agent.is_up() and c.by_job()["good"].pid == before.pid

    os.remove(ballast)
    eventually(lambda: agent.submit("after"), 30, "takes jobs again", pause=0.2)
    c.wait_once({"good", "after", *accepted}, 70)


# ---- strangers on the network


def garbage(seed):
    """Datagrams and frames no peer would send: random, cut, and those that must be dropped."""
    luck = random.Random(seed)
    path = os.path.join(HERE, "..", "vectors", "memberlist", "negative.json")
    with open(path, encoding="utf-8") as file:
        vectors = [bytes.fromhex(v["hex"]) for v in json.load(file)["vectors"]]
    yield from vectors
    yield b""
    for size in (1, 2, 3, 5, 8, 64, 512, 1400, 9000, 60000):
        for _ in range(8):
            yield luck.randbytes(size)
    for vector in vectors:
        for kind in range(16):
            yield bytes([kind]) + vector[1:luck.randrange(len(vector) + 1)]
    # Lengths that promise far more than follows.
    yield b"\xdd\xff\xff\xff\xff" * 4
    yield b"\xdf\xff\xff\xff\xff" + b"\x81" * 1000
    yield b"\xff\xff\xff\xff" + b"\x91" * 4000


def test_garbage_from_the_network_changes_nothing(clusters):
    c = clusters(2, slots=4)
    c[0].submit("good")
    before = c.wait_once({"good"}, 10)["good"]
    members = {n: (m["id"], m["status"]) for n, m in c[0].members().items()}
    thrown = list(garbage(0x5EED))

    for data in thrown:
        c[0].throw_udp(data[:65000])
    for port in (GOSSIP_PORT, PEER_PORT):
        for data in thrown[::3]:
            c[0].throw_tcp(port, data)
    put = b"PUT /v1/jobs/x HTTP/1.1\r\nHost: a\r\n"
    for line in (b"GET /v1/status\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n",
                 put + b"Content-Length: 99999999999999999999\r\n\r\n", b"A" * 100000,
                 put + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"):
        answer = c[0].throw_tcp(HTTP_PORT, line)
        assert answer is None or not answer.startswith(b"HTTP/1.1 2"), (line[:60], answer)

    assert all(agent.is_up() for agent in c)
    assert {n: (m["id"], m["status"]) for n, m in c[0].members().items()} == members
    after = c.wait_once({"good"}, 5)["good"]
    assert after.pid == before.pid
    c[0].submit("next")
    c.wait_once({"good", "next"}, 10)


def test_connections_that_say_nothing_do_not_block_others(solo):
    idle = [socket.create_connection((solo[0].host, port))
            for port in (GOSSIP_PORT, PEER_PORT, HTTP_PORT) for _ in range(40)]
    try:
        assert solo[0].get("/v1/status", timeout=3)["node"] == solo[0].name
    finally:
        for connection in idle:
            connection.close()
