# SPDX-License-Identifier: Apache-2.0
"""Foreign members of a gossip pool: `serf` agents of Debian's package, and a node of Debian's
memberlist (tests/e2e/kit/memberlist_node.go)."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from agent import BUILD, GOSSIP_PORT, PATIENCE, eventually

MEMBERLIST = os.path.join(BUILD, "kit", "memberlist_node")
RPC_PORT = 7373


def missing():
    """What keeps these tests from running here; None: nothing."""
    if shutil.which("serf") is None:
        return "has no serf (Debian's package serf; tools/bootstrap installs it)"
    if not os.path.exists(MEMBERLIST):
        return ("has no node of memberlist (golang-go, golang-github-hashicorp-memberlist-dev; "
                "tools/bootstrap installs them, make builds it)")
    return None


class Serf:
    """One agent on an address of its own."""

    def __init__(self, name, host, key=None, tags=None, profile="lan"):
        self.name, self.host, self.process = name, host, None
        self.folder = tempfile.mkdtemp(prefix="muster-serf-")
        self.config = {"node_name": name, "bind": f"{host}:{GOSSIP_PORT}", "profile": profile,
                       "rpc_addr": f"{host}:{RPC_PORT}", "tags": tags or {},
                       "leave_on_terminate": True}
        if key:
            self.config["encrypt_key"] = key

    def start(self, *seeds):
        path = os.path.join(self.folder, "config.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.config, file)
        joins = [f"-join={seed}" for seed in seeds]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(["serf", "agent", f"-config-file={path}", *joins],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self.members, 10, f"{self.name} answers")
        return self

    def serf(self, verb, *words, check=True):
        done = subprocess.run(["serf", verb, f"-rpc-addr={self.host}:{RPC_PORT}", *words],
                              capture_output=True, text=True, timeout=20 * PATIENCE, check=False)
        if check and done.returncode != 0:
            raise OSError(f"serf {verb}: {done.stdout} {done.stderr}")
        return done.stdout

    def members(self):
        """Name to (status, tags)."""
        found = json.loads(self.serf("members", "-format=json"))["members"] or []
        return {m["name"]: (m["status"], m["tags"]) for m in found}

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def end(self, number=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        self.process = None

    def close(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Memberlist:
    """A node that speaks memberlist and nothing over it."""

    def __init__(self, name, host, key=None):
        self.name, self.host, self.key, self.process = name, host, key, None

    def start(self, *seeds):
        meta = b"\xff\x81\xa4role\xa5plain"
        self.process = subprocess.Popen(
            [MEMBERLIST, self.name, self.host, self.key or "-", meta.hex(), *seeds],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def say(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def members(self):
        """Name to meta, of those that it holds for alive or suspect."""
        return {m.split()[0]: bytes.fromhex((m.split() + [""])[3])
                for m in self.say("members").split("; ") if m}

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None
