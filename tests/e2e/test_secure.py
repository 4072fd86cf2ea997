# SPDX-License-Identifier: Apache-2.0
"""Links between agents in the dark: what can be read on the wire, who is let in, and what the
others say of whom is not."""
import json
import os
import select
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import time

import msgpack

from agent import BUILD, GOSSIP_PORT, PEER_PORT, eventually
from cluster import Cluster


def keygen():
    return subprocess.check_output([os.path.join(BUILD, "muster"), "keygen"], text=True).strip()


class Wire:
    """What goes between these hosts, but for HTTP: bytes seen on loopback."""

    def __init__(self, hosts):
        self.hosts = {socket.inet_aton(host) for host in hosts}
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
        self.raw.bind(("lo", 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def read(self):
        """Everything so far: the payloads of TCP and UDP, one behind the other."""
        said = {GOSSIP_PORT: b"", PEER_PORT: b""}
        while select.select([self.raw], [], [], 0)[0]:
            packet = self.raw.recv(65536)[14:]
            ends = {packet[12:16], packet[16:20]}
            if len(packet) < 28 or packet[0] >> 4 != 4 or not ends & self.hosts:
                continue
            body = packet[(packet[0] & 15) * 4:]
            ports = struct.unpack("!HH", body[:4])
            for port in said:
                if port in ports:
                    said[port] += body[(body[12] >> 4) * 4 if packet[9] == 6 else 8:]
        return said


def traffic(extra):
    """What two agents say to each other about jobs of names that nothing else has."""
    with Cluster(2, extra=extra) as c, Wire([agent.host for agent in c.agents]) as wire:
        names = {f"secret/tickers{k}" for k in range(12)}
        for k, name in enumerate(sorted(names)):
            c[k % 2].submit(name, exec=["/bin/sleep", "1000"])
        c.wait_once(names, 10)
        return wire.read()


def test_nothing_can_be_read_on_the_wire():
    said = traffic([])
    assert b"secret/tickers" in said[PEER_PORT]
    said = traffic(["--encrypt", keygen()])
    assert len(said[PEER_PORT]) > 1000
    assert b"secret" not in said[PEER_PORT] and b"secret" not in said[GOSSIP_PORT]
    assert b"/bin/sleep" not in said[PEER_PORT]


def reasons(agent):
    return json.loads(agent.request("GET", "/health").body)["reasons"]


def test_who_has_no_key_is_refused_and_told_of():
    with Cluster(3, extra=["--encrypt", keygen()]) as c:
        assert not any("link" in reason for agent in c.agents for reason in reasons(agent))
        with socket.create_connection((c[0].host, PEER_PORT), 5) as stranger:
            stranger.sendall(b"\0\0\0\1x")
            assert stranger.recv(1) == b""
        eventually(lambda: any("speaks in the clear" in reason for reason in reasons(c[0])), 5)
        assert "speaks in the clear, which is not taken here" in c[0].log()
        greeting = b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" + b"x" * 505
        for noise in (b"GET / HTTP/1.1\r\n\r\n", greeting, b"\x16", os.urandom(4096),
                      b"\x16" + os.urandom(60000)):
            for _ in range(5):
                with socket.create_connection((c[0].host, PEER_PORT), 5) as stranger:
                    stranger.sendall(noise)
        # An agent that knows no secrets meets closed doors, and hears whose fault it may be.
        bare = c.add(start=False, name="bare", extra=["--encrypt", "none"])
        bare.start(wait=False)
        eventually(lambda: any("is not heard here" in reason for reason in reasons(bare)), 10)
        c[1].submit("after/noise")
        c.wait_once({"after/noise"}, 10)
        assert all("member.dead" not in json.dumps(agent.events()) for agent in c.agents[:3])
        bare.kill9()


def test_keys_change_under_living_links():
    old, new = keygen(), keygen()
    with Cluster(3, extra=["--encrypt", old]) as c:
        for k in range(12):
            c[k % 3].submit(f"turn/{k}")
        c.wait_once({f"turn/{k}" for k in range(12)}, 10)
        with Wire([agent.host for agent in c.agents]) as wire:
            for verb, key in (("install", new), ("use", new), ("remove", old)):
                code, said, complaint = c[0].cli("keys", verb, key)
                assert code == 0, said + complaint
            # Three links are made anew, with the mark of the new key in the greeting.
            code, said, _ = c[0].cli("keys", "list")
            mark = said.splitlines()[1].split()[0].encode()
            greetings = b""

            def redone():
                nonlocal greetings
                greetings += wire.read()[PEER_PORT]
                return greetings.count(mark) >= 6  # loopback shows each packet twice

            eventually(redone, 2)  # who waits for the end of the old ones waits for three seconds
        for k in range(3):
            begin = time.monotonic()
            c[k].submit(f"after/{k}")
            assert time.monotonic() - begin < 5
        c.wait_once({f"after/{k}" for k in range(3)} | {f"turn/{k}" for k in range(12)}, 10)
        for agent in c.agents:
            assert "member.dead" not in json.dumps(agent.events())
            assert not any("link" in reason for reason in reasons(agent))


def muster(*words, cwd=None):
    done = subprocess.run([os.path.join(BUILD, "muster"), *words], cwd=cwd, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def certify(folder, *names):
    """A CA and a certificate for each of these names, in a folder of their own."""
    os.makedirs(folder, exist_ok=True)
    assert muster("tls", "ca", "create", "--out", folder)[0] == 0
    for name in names:
        assert muster("tls", "cert", "create", name, "--out", folder)[0] == 0


def flags(folder, name, ca=None):
    return ["--tls-ca", os.path.join(ca or folder, "ca.pem"),
            "--tls-cert", os.path.join(folder, f"{name}.pem"),
            "--tls-key", os.path.join(folder, f"{name}.key")]


def hello(cluster, member, target):
    """The first frame of whoever pretends to be that member."""
    body = msgpack.packb([64, 1, bytes.fromhex(cluster), bytes.fromhex(member["id"]),
                          bytes.fromhex(target["id"]), 99, member["name"], True, 7])
    return struct.pack("!I", len(body)) + body


def test_certificates_say_who_is_who(tmp_path):
    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    with Cluster(3, start=False) as c:
        names = [agent.name for agent in c.agents]
        certify(ours, *names, "mallory")
        certify(theirs, "late")
        for agent in c.agents:
            agent.extra += flags(ours, agent.name)
        c.start()
        with Wire([agent.host for agent in c.agents]) as wire:
            for k in range(3):
                c[k].submit(f"secret/tickers{k}")
            c.wait_once({f"secret/tickers{k}" for k in range(3)}, 10)
            said = wire.read()[PEER_PORT]
            assert len(said) > 1000 and b"secret" not in said

        # A good certificate of another node: whoever it says it is, it is not.
        members = {m["name"]: m for m in c[0].get("/v1/members")["items"]}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(os.path.join(ours, "ca.pem"))
        context.load_cert_chain(os.path.join(ours, "mallory.pem"),
                                os.path.join(ours, "mallory.key"))
        cluster = c[0].get("/v1/status")["cluster_id"]
        with context.wrap_socket(socket.create_connection((c[0].host, PEER_PORT), 5),
                                 server_hostname=names[0]) as mallory:
            assert mallory.version() == "TLSv1.3"
            mallory.sendall(hello(cluster, members[names[1]], members[names[0]]))
            assert mallory.recv(1) == b""
        eventually(lambda: f"calls itself {names[1]}, but its certificate is for mallory"
                   in c[0].log(), 5)
        assert any("mallory" in reason for reason in reasons(c[0]))

        # One of another CA has no link, and its own agent would not start with a wrong one.
        late = c.add(start=False, name="late", extra=flags(theirs, "late"))
        late.start(wait=False)
        eventually(lambda: "does not take our certificate" in late.log()
                   or "issuer is unknown" in late.log(), 15)
        eventually(lambda: "no link with late" in c[0].log() + c[1].log() + c[2].log(), 15)
        late.kill9()
        for wrong, says in ((flags(ours, "mallory"), "is not for this node"),
                            (flags(theirs, "late", ca=ours), "is not signed by")):
            late.extra = wrong
            late.may_complain = True
            late.start(wait=False)
            assert late.exit_code() == 78 and says in late.log()

        # A new pair is taken while it runs, a wrong one is not.
        for name, says in ((names[1], "was read again, and is good until"),
                           (names[2], "the one there was goes on")):
            for end in (".pem", ".key"):
                os.remove(os.path.join(ours, names[1] + end))
            assert muster("tls", "cert", "create", names[1], "--out", ours)[0] == 0
            if name != names[1]:
                shutil.copy(os.path.join(ours, name + ".key"),
                            os.path.join(ours, names[1] + ".key"))
            c[1].send(signal.SIGHUP)
            eventually(lambda says=says: says in c[1].log(), 5)
        # Nor does a program take over that could not start with it.
        c[1].send(signal.SIGUSR2)
        eventually(lambda: "would not start with these flags and settings" in c[1].log(), 10)
        assert all("member.dead" not in json.dumps([e for e in agent.events()
                                                    if e["node"] in names])
                   for agent in c.agents[:3])


def test_certificates_are_made_and_never_written_over(tmp_path):
    folder = str(tmp_path)
    assert muster("tls", "ca", "create", cwd=folder)[0] == 0
    assert muster("tls", "cert", "create", "alpha", "--address", "10.0.0.1,fd00::1",
                  cwd=folder)[0] == 0
    for name in ("ca.pem", "ca.key", "alpha.pem", "alpha.key"):
        assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(folder)}
    for words in (("ca", "create"), ("cert", "create", "alpha")):
        code, _, complaint = muster("tls", *words, cwd=folder)
        assert code == 4 and "is not written over" in complaint
    (tmp_path / "alpha.pem").unlink()
    assert muster("tls", "cert", "create", "alpha", cwd=folder)[0] == 4  # its key is there still
    assert not (tmp_path / "alpha.pem").exists()
    assert all((tmp_path / name).read_bytes() == text for name, text in before.items()
               if name != "alpha.pem")
    assert muster("tls", "cert", "create", "Bad Name", cwd=folder)[0] == 2
    assert muster("tls", "cert", "create", "bravo", "--address", "here", cwd=folder)[0] == 2
    code, _, complaint = muster("tls", "cert", "create", "bravo", "--out", "/nonexistent")
    assert code == 1 and "tls ca create" in complaint
