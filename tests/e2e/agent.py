# SPDX-License-Identifier: Apache-2.0
"""One real agent: its process, its folder, its log, and a client of its API."""
import collections
import http.client
import json
import os
import signal
import socket
import subprocess
import time

import procs

BUILD = os.environ.get("MUSTER_BUILD", os.path.abspath("build/release"))
# Sanitizers make everything slower; what a promise says in seconds is stretched by this.
PATIENCE = 3.0 if os.environ.get("MUSTER_MODE") in ("asan", "tsan") else 1.0

GOSSIP_PORT, PEER_PORT, HTTP_PORT = 7946, 7947, 7948
# A run that ended badly says one of these in its agent's log.
ALARMS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "assertion")

Reply = collections.namedtuple("Reply", "status headers body")


class ApiError(Exception):
    """An answer that is not 2xx, with the words of its error object."""

    def __init__(self, status, code, message, field):
        super().__init__(f"HTTP {status} {code}: {message} (field {field})")
        self.status, self.code, self.message, self.field = status, code, message, field


def eventually(fact, seconds, what="", pause=0.02):
    """Asks until `fact()` is true and returns what it said; a refusal or an error on the way counts
    as not yet. AssertionError with the last of them when the time is over."""
    begin = time.monotonic()
    last = None
    while True:
        try:
            last = fact()
            if last:
                return last
        except (AssertionError, ApiError, OSError, http.client.HTTPException, LookupError) as error:
            last = error
        if time.monotonic() - begin > seconds * PATIENCE:
            raise AssertionError(f"not within {seconds * PATIENCE:.1f} s: {what or fact.__name__}; "
                                 f"last: {last!r}")
        time.sleep(pause)


def holds(fact, seconds, what=""):
    """Asks for that long and fails at the first time that `fact()` is not true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert fact(), f"did not hold for {seconds} s: {what or fact.__name__}"
        time.sleep(0.05)


class Agent:
    """An agent on an address of its own; the ports are the usual ones."""

    def __init__(self, name, host, folder, slots=20, join=(), program=None, extra=()):
        self.name, self.host, self.folder, self.slots = name, host, folder, slots
        self.join, self.extra = list(join), list(extra)
        self.program = program or [os.path.join(BUILD, "muster-agent")]
        self.data = os.path.join(folder, "data")
        self.socket = os.path.join(folder, "s")
        self.log_path = os.path.join(folder, "log")
        self.process = None
        self.may_complain = False  # set by tests that make an agent fail on purpose
        os.makedirs(folder, exist_ok=True)

    # ---- process

    def args(self):
        """Its flags; one of `extra` takes the place of the usual one of that name."""
        flags = {"--name": self.name, "--bind": f"{self.host}:{GOSSIP_PORT}",
                 "--peer-port": str(PEER_PORT), "--http": f"{self.host}:{HTTP_PORT}",
                 "--socket": self.socket, "--data-dir": self.data, "--slots": str(self.slots),
                 # Tests kill agents at will: no job is to be blamed for it (R34; test_poison.py).
                 "--max-strikes": "0"}
        if self.join:
            flags["--join"] = ",".join(self.join)
        flags.update(zip(self.extra[::2], self.extra[1::2]))
        return [word for pair in flags.items() for word in pair]

    def start(self, wait=True):
        assert not self.is_up(), f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            log.write(f"---- start {self.name} {' '.join(self.args())}\n".encode())
            log.flush()
            self.process = subprocess.Popen(self.program + self.args(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=15):
        def answers():
            if self.process.poll() is not None:
                code = self.process.returncode
                raise RuntimeError(f"{self.name} ended with {code}:\n{self.log(20)}")
            return self.request("GET", "/health", timeout=2).status == 200

        eventually(answers, seconds, f"{self.name} answers /health")

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def send(self, number):
        """A signal to it, and to nobody else: an agent that has ended may have lost its pid."""
        self.process.send_signal(number)

    def kill9(self):
        self.send(signal.SIGKILL)
        self.process.wait(10)

    def term(self, seconds=100):
        """An orderly end, hand-over included; its exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(seconds)

    def stop(self):
        self.send(signal.SIGSTOP)

    def cont(self):
        self.send(signal.SIGCONT)

    def exit_code(self, seconds=15):
        """Of an agent that is expected to end by itself."""
        return self.process.wait(seconds * PATIENCE)

    def log(self, lines=None):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            return ""
        return text if lines is None else "\n".join(text.splitlines()[-lines:])

    def alarms(self):
        """Lines of its log that no healthy agent writes."""
        return [] if self.may_complain else [
            line for line in self.log().splitlines() if any(word in line for word in ALARMS)]

    # ---- API

    def connect(self, timeout):
        """A connection to its API that has not been opened yet."""
        return http.client.HTTPConnection(self.host, HTTP_PORT, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=15):
        """One exchange, whatever the status."""
        connection = self.connect(timeout * PATIENCE)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def call(self, method, path, body=None, headers=None, timeout=15):
        """One exchange that must succeed: its JSON, or ApiError."""
        reply = self.request(method, path, body, headers, timeout)
        document = json.loads(reply.body) if reply.body.strip() else None
        if not 200 <= reply.status < 300:
            error = (document or {}).get("error") or {}
            raise ApiError(reply.status, *(error.get(k) for k in ("code", "message", "field")))
        return document

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def put(self, path, body, **options):
        return self.call("PUT", path, body, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def pages(self, path):
        """Every item of a paged list."""
        items, after = [], None
        while True:
            joint = "&" if "?" in path else "?"
            page = self.get(path + (f"{joint}after={after}" if after else ""))
            items += page["items"]
            after = page["next"]
            if not after:
                return items

    def members(self):
        """Name to member."""
        answer = self.get("/v1/members")
        return {m["name"]: m for m in (answer["items"] if isinstance(answer, dict) else answer)}

    def runs(self, query=""):
        return self.pages("/v1/runs" + query)

    def jobs(self):
        return {job["name"]: job for job in self.pages("/v1/jobs")}

    def events(self):
        """What it remembers, as a list."""
        reply = self.request("GET", "/v1/events?follow=0",
                             headers={"Accept": "application/x-ndjson"})
        assert reply.status == 200, reply
        return [json.loads(line) for line in reply.body.splitlines() if line.strip()]

    def submit(self, name, exec=("sleep", "86400"), **fields):
        """A service unless `kind` says otherwise; it ends with its agent, so that others may take
        over at once. Tests kill more agents than a job is forgiven by default."""
        spec = {"kind": "service", "exec": list(exec), "on_agent_loss": "end",
                "max_moves": 1000000, **fields}
        return self.put(f"/v1/jobs/{name}", spec)

    # ---- command line and raw bytes

    def cli(self, *words, timeout=60, input=None, env=None):
        """The `muster` program against this agent: exit code, what it printed, what it complained
        about."""
        done = subprocess.run(
            [os.path.join(BUILD, "muster"), *words], capture_output=True, text=True, input=input,
            timeout=timeout * PATIENCE, check=False,
            env={**os.environ, "MUSTER_ADDR": self.socket, "NO_COLOR": "1", **(env or {})})
        return done.returncode, done.stdout, done.stderr

    def throw_udp(self, data):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(data, (self.host, GOSSIP_PORT))

    def throw_tcp(self, port, data, seconds=5):
        """Sends bytes, ends its side, and returns what came back until the agent closed. None if
        the agent held the connection for all that time."""
        with socket.create_connection((self.host, port), timeout=seconds * PATIENCE) as tcp:
            answer = b""
            try:
                tcp.sendall(data)
                tcp.shutdown(socket.SHUT_WR)
                while part := tcp.recv(65536):
                    answer += part
            except TimeoutError:
                return None
            except OSError:  # the agent closed first
                pass
            return answer
