# SPDX-License-Identifier: Apache-2.0
"""Who may come in over HTTP: tokens and their rights, on a real agent and the real command line."""
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from agent import BUILD, HTTP_PORT, Agent, eventually
from conftest import needs_agent
from nets import NetAgent, NetCluster

pytestmark = needs_agent

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "protocol.md")
FREE = ("/health", "/ready")


def paths():
    """Method and path of every line of the table of paths in the page."""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    table = page[page.index("# HTTP API"):page.index("## Rights")]
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 4 or not cells[1].startswith("`/"):
            continue
        names = re.findall(r"`([^`]+)`", cells[1])
        for name in names:
            whole = name if name.startswith(("/v1", "/health", "/ready", "/metrics")) else \
                names[0][:names[0].rindex("/")] + name
            for method in cells[2].split():
                yield method, whole.replace("NAME", "a")


def token(right, name):
    done = subprocess.run([os.path.join(BUILD, "muster"), "token", "create", "--right", right,
                           "--name", name, "--json"], capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    return made["token"], made["line"]


@pytest.fixture(name="door")
def agent_with_tokens(clusters, tmp_path):
    """An agent with a token for each right: it, their texts, and their file."""
    made = {right: token(right, f"who-{right}") for right in ("read", "operate", "admin")}
    file = tmp_path / "tokens"
    file.write_text("".join(line + "\n" for _, line in made.values()))
    c = clusters(0)
    agent = c.add(slots=4, extra=("--tokens", str(file)))
    return agent, {right: text for right, (text, _) in made.items()}, file


def test_every_path_asks_who_is_there(door):
    agent, tokens, _ = door
    assert len(list(paths())) > 35
    for method, path in paths():
        status = agent.request(method, path).status
        if path in FREE:
            assert status == 200, path
            continue
        assert status == 401, f"{method} {path} without a token: {status}"
        wrong = {"Authorization": f"Bearer {'0' * 64}"}
        assert agent.request(method, path, headers=wrong).status == 401
        shown = {"Authorization": f"Bearer {tokens['read']}", "Accept": "application/json"}
        if path != "/v1/events":  # which would go on
            status = agent.request(method, path, headers=shown).status
            assert (status == 403) == (method != "GET"), f"{method} {path} of a reader: {status}"
    nobody = agent.request("GET", "/no/such/path")
    assert nobody.status == 401 and nobody.headers["WWW-Authenticate"].startswith("Bearer")
    assert agent.request("PUT", "/v1/jobs/a", body={"exec": ["true"]}).status == 401


def test_rights_are_kept_and_told_to_the_command_line(door):
    agent, tokens, file = door
    here = {"MUSTER_ADDR": f"http://{agent.host}:{HTTP_PORT}"}

    def ask(*words, right=None):
        return agent.cli(*words, env={**here, "MUSTER_TOKEN": tokens.get(right, "")})

    code, _, said = ask("members")
    assert (code, said) == (8, "muster: a token is needed here; set MUSTER_TOKEN, or say "
                               "--token-file (over HTTP: Authorization: Bearer TOKEN)\n")
    assert ask("members", right="read")[0] == 0
    code, _, said = ask("run", "--name", "web", "--", "sleep", "9", right="read")
    assert (code, said) == (8, "muster: web: the right `operate` is needed for this; who-read has "
                               "`read`\n")
    assert ask("run", "--name", "web", "--", "sleep", "9", right="operate")[0] == 0
    code, _, said = ask("forget", "--yes", "x", right="operate")
    assert code == 8 and "`admin`" in said
    assert ask("forget", "--yes", "x", right="admin")[0] == 3
    assert agent.cli("forget", "--yes", "x")[0] == 3  # over the socket nobody is asked

    # A file in place of the variable, and one that holds no token.
    held = file.with_name("held")
    held.write_text(tokens["read"] + "\n")
    assert agent.cli("members", "--token-file", str(held), env=here)[0] == 0
    held.write_text("two words\n")
    code, _, said = agent.cli("members", "--token-file", str(held), env=here)
    assert code == 2 and "holds no token" in said

    # SIGHUP reads the file again; one that is wrong changes nothing.
    lines = file.read_text().splitlines()
    file.write_text("who-read is\n")
    agent.send(signal.SIGHUP)
    eventually(lambda: "the tokens from before stay" in agent.log(), 5, "the file is refused")
    assert ask("members", right="read")[0] == 0
    file.write_text("\n".join(lines[1:]) + "\n")
    agent.send(signal.SIGHUP)
    eventually(lambda: ask("members", right="read")[0] == 8, 5, "its token is void")
    assert ask("members", right="operate")[0] == 0
    agent.may_complain = True


def test_the_doctor_finds_who_is_gone_and_the_ring_is_shared(clusters):
    c = clusters(3)
    eventually(lambda: c[0].cli("doctor")[0] == 0, 15, "all is well")
    code, out, _ = c[1].cli("ring")
    assert code == 0 and "3 nodes answered; all have the same ring" in out
    shares = [float(x) for x in re.findall(r"([0-9.]+) %", out)]
    assert len(shares) == 3 and 99 < sum(shares) <= 100
    c[2].stop()
    try:
        code, out, _ = eventually(lambda: (d := c[0].cli("doctor"))[0] == 1 and d, 20, "it is seen")
        assert re.search(f"WRONG +members +{c[2].name} ", out), out
    finally:
        c[2].cont()


def test_a_port_for_others_wants_tokens(tmp_path):
    file = tmp_path / "tokens"

    def check(*words):
        done = subprocess.run([os.path.join(BUILD, "muster-agent"), "--check", *words],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    code, said = check("--http", "0.0.0.0:7948")
    assert code == 78 and "`tokens`" in said and "127.0.0.1:7948" in said
    code, said = check("--http", "0.0.0.0:7948", "--tokens", str(file))
    assert code == 78 and f"{file}: the tokens cannot be read" in said
    file.write_text(token("read", "a")[1] + "\n")
    assert check("--http", "0.0.0.0:7948", "--tokens", str(file)) == (0, "")
    file.write_text("a\n")
    code, said = check("--http", "0.0.0.0:7948", "--tokens", str(file))
    assert code == 78 and f"{file}:1: " in said


class DoorAgent(NetAgent):
    """It serves HTTP on a port of 127.0.0.1, whose certificate is at hand, and has a socket."""

    def args(self):
        return Agent.args(self)


def test_tls_and_what_certificates_allow(clusters, tmp_path):
    certs = os.path.join(os.path.dirname(__file__), "certs")

    def of(name, kind="pem"):
        return os.path.join(certs, f"{name}.{kind}")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret, line = token("admin", "boss")
    file = tmp_path / "tokens"
    file.write_text(line + "\n")
    c = clusters(0)
    c.agent_class = DoorAgent
    pair = {word: tmp_path / word for word in ("cert", "key", "ca")}
    for word, path in pair.items():
        path.touch(mode=0o600)
        path.write_bytes(open(of("door-ca") if word == "ca" else
                              of("door", "pem" if word == "cert" else word), "rb").read())
    agent = c.add(slots=4, extra=(
        "--http", f"127.0.0.1:{port}", "--http-tls-cert", str(pair["cert"]), "--http-tls-key",
        str(pair["key"]), "--http-tls-client-ca", str(pair["ca"]), "--tokens", str(file)))

    def ask(*words, who=None, **env):
        if who:
            env.update(MUSTER_CLIENT_CERT=of(f"door-{who}"),
                       MUSTER_CLIENT_KEY=of(f"door-{who}", "key"))
        return agent.cli(*words, env={"MUSTER_ADDR": f"https://127.0.0.1:{port}",
                                      "MUSTER_CACERT": of("door-ca"), **env})

    assert ask("members")[0] == 8
    assert ask("members", MUSTER_TOKEN=secret)[0] == 0
    assert ask("members", who="reader")[0] == 0
    code, _, said = ask("run", "--name", "web", "--", "sleep", "9", who="reader")
    assert (code, said) == (8, "muster: web: the right `operate` is needed for this; rita has "
                               "`read`\n")
    assert ask("run", "--name", "web", "--", "sleep", "9", who="operator")[0] == 0
    assert "web" in ask("ps", who="operator")[1]
    code, _, said = ask("members", who="nobody")
    assert code == 8 and "OU=muster:read" in said, said
    assert ask("leave", who="nobody", MUSTER_TOKEN=secret + "0")[0] == 8

    code, _, said = ask("members", MUSTER_CACERT=of("ca"), MUSTER_TOKEN=secret)
    assert code == 5 and "name who signs its certificate with --ca" in said, said
    code, _, said = agent.cli("members", env={"MUSTER_ADDR": f"http://127.0.0.1:{port}"})
    assert code == 5, said
    # SIGHUP reads the files again; one that is wrong changes nothing.
    def signer():
        name = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout
        return re.search("issuer=(.*)", name)[1]

    before = signer()
    pair["key"].write_text("nothing\n")
    agent.send(signal.SIGHUP)
    eventually(lambda: "the one there was goes on" in agent.log(), 5, "the pair is refused")
    assert signer() == before and ask("members", who="reader")[0] == 0
    pair["key"].write_bytes(open(of("door", "key"), "rb").read())
    pair["ca"].write_bytes(open(of("other"), "rb").read())
    agent.send(signal.SIGHUP)
    eventually(lambda: ask("members", who="reader")[0] in (5, 8), 5, "another CA counts")
    assert ask("members", MUSTER_TOKEN=secret)[0] == 0
    pair["cert"].write_bytes(open(of("server"), "rb").read())
    pair["key"].write_bytes(open(of("server", "key"), "rb").read())
    agent.send(signal.SIGHUP)
    eventually(lambda: signer() != before, 5, "the new pair is shown")
    agent.may_complain = True

    done = subprocess.run([os.path.join(BUILD, "muster-agent"), "--check", "--http-tls-cert",
                           of("door"), "--http-tls-key", of("door-reader", "key")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 78 and "is not the key of" in done.stderr, done.stderr


class OpenAgent(NetAgent):
    """It serves HTTP where others reach it."""

    def args(self):
        return Agent.args(self)


class OpenCluster(NetCluster):
    agent_class = OpenAgent


def test_what_others_may_hear_is_told(tmp_path):
    _, line = token("admin", "boss")
    file = tmp_path / "tokens"
    file.write_text(line + "\n")
    with OpenCluster(1, extra=("--tokens", str(file))) as c:
        code, out, _ = c[0].cli("doctor")
        assert code == 1
        for words in ("not encrypted, and reached from other hosts",
                      "the HTTP port is reached from other hosts without TLS"):
            assert words in " ".join(out.split()) and words in c[0].log(), out
    certs = os.path.join(os.path.dirname(__file__), "certs")
    key = subprocess.run([os.path.join(BUILD, "muster"), "keygen"], capture_output=True, text=True,
                         check=True).stdout.strip()
    with OpenCluster(1, extra=("--tokens", str(file), "--encrypt", key, "--http-tls-cert",
                               f"{certs}/door.pem", "--http-tls-key", f"{certs}/door.key")) as c:
        code, out, _ = eventually(lambda: (d := c[0].cli("doctor"))[0] == 0 and d, 15, "it is well")
        assert "none has anything to complain of" in out
