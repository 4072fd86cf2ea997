#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent's HTTP API with made-up answers, to test the command line against shapes and troubles
that real agents show rarely or never. It listens on a unix socket and on a TCP port at once.

    with FakeApi(folder) as api:
        subprocess.run([muster, "--addr", api.socket, "ps"])
        api.seen[-1].path

As a program it serves until it is ended:  fake_api.py SOCKET [PORT]
"""
import collections
import datetime
import http.server
import json
import os
import socketserver
import sys
import threading
import time
import urllib.parse

HOST = "127.0.7.1"
Seen = collections.namedtuple("Seen", "method path query headers body")


def ago(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def member(name, address, slots, used, tags, status="alive", mode="open"):
    return {
        "name": name,
        "id": f"id-of-{name}",
        "address": address,
        "status": status,
        "mode": mode,
        "slots": slots,
        "used": used,
        "weight": slots,
        "tags": tags,
        "version": "0.1.0",
        "incarnation": 3,
    }


def run(name, state, node, since, attempt, kind="service", **more):
    return {
        "run": name,
        "job": name,
        "kind": kind,
        "state": state,
        "reason": None,
        "node": node,
        "node_id": node and f"id-of-{node}",
        "token": "7340032",
        "attempt": attempt,
        "pid": 4711 if state == "running" else None,
        "since": ago(since),
        "not_before": None,
        "exit": None,
        "note": None,
        "progress": None,
        "attempts": [],
        **more,
    }


def exit_of(code=None, signal=None, reason=None):
    return {"code": code, "signal": signal, "reason": reason}


MEMBERS = [
    member("alpha", "10.0.0.11:7946", 10, 7, {"rack": "a", "net": "public"}),
    member("bravo", "10.0.0.12:7946", 20, 13, {"rack": "a", "gpu": "2"}),
    member("charlie", "10.0.0.13:7946", 10, 5, {"rack": "b", "net": "public"}),
]
EVENTS = [
    {
        "index": "41",
        "time": "2026-03-28T01:00:00.000Z",
        "type": "member.alive",
        "node": "bravo",
        "job": None,
        "run": None,
        "token": None,
        "text": "joined",
    },
    {
        "index": "42",
        "time": "2026-03-28T01:00:01.500Z",
        "type": "run.started",
        "node": "charlie",
        "job": "market/ticker",
        "run": "market/ticker",
        "token": "7340032",
        "text": "attempt 1",
    },
]
LOG = [
    {"time": "2026-03-28T01:00:00.000Z", "stream": "stdout", "attempt": 1, "text": "first line"},
    {"time": "2026-03-28T01:00:00.100Z", "stream": "stderr", "attempt": 1, "text": "a complaint"},
    {
        "time": "2026-03-28T01:00:00.200Z",
        "stream": "stdout",
        "attempt": 1,
        "text": "\x1b]0;evil\x07",
    },
    {"time": "2026-03-28T01:00:00.300Z", "stream": "stdout", "attempt": 1, "text": "Grüße"},
]
# Names that make trouble wherever they stand: status and error object.
TROUBLE = {
    "trouble/quorum": (503, "no_quorum", "2 of 3 seats of its bench do not answer", None),
    "trouble/denied": (403, "denied", "this user may only read", None),
    "trouble/field": (400, "invalid", "expected one, each or a number", "spread"),
    "trouble/advice": (404, "not_found", "no such thing; ask somebody else", None),
}


def runs():
    return [
        run(
            "market/ticker",
            "running",
            "charlie",
            12,
            1,
            note="ready in 0.8s",
            attempts=[
                {"attempt": 1, "node": "charlie", "started": ago(12), "ended": None, "exit": None}
            ],
        ),
        run(
            "billing/nightly@01:00Z",
            "running",
            "bravo",
            250,
            1,
            kind="cron",
            note='41% 410/1k "invoices"',
            job="billing/nightly",
        ),
        run(
            "mail/outbox",
            "backoff",
            "alpha",
            8,
            2,
            reason="exit 1; again in 2s (local try 2 of 3)",
            exit=exit_of(1),
        ),
        run(
            "report/2025-q3",
            "pending",
            None,
            7230,
            0,
            kind="task",
            reason="needs 8 free slots on a node with tag.gpu",
        ),
        run("batch/good", "done", "bravo", 500, 1, kind="task", exit=exit_of(0)),
        run(
            "batch/bad",
            "dead",
            "bravo",
            400,
            4,
            kind="task",
            reason="exit 3, no retries left",
            exit=exit_of(3),
        ),
        run(
            "batch/killed",
            "dead",
            "bravo",
            300,
            1,
            kind="task",
            reason="killed",
            exit=exit_of(signal=9),
        ),
        run("old/service", "stopped", "alpha", 90000, 1),
    ]


def job_of(one):
    spec = {
        "name": one["job"],
        "kind": one["kind"],
        "exec": ["/opt/" + one["job"], "--fast"],
        "env": {"LEVEL": "3"},
        "slots": 2,
    }
    return {
        "name": one["job"],
        "kind": one["kind"],
        "desired": "run",
        "rev": 4,
        "spec": spec,
        "created": ago(4000),
        "modified": ago(3700),
        "state": one["state"],
        "reason": one["reason"],
        "copies": 3,
        "run": one,
    }


class State:
    """The jobs, and for some of them the states that further looks will show."""

    def __init__(self):
        self.jobs = {one["job"]: job_of(one) for one in runs()}
        self.coming = collections.defaultdict(collections.deque)
        self.health = (200, {"status": "ok", "reasons": []})
        self.fault = None  # why the next task cannot be started
        self.signal = None  # what kills it
        self.orphans = 0
        self.full = False  # no place for a new service
        self.taken_back = None  # with so many looks left its drain is cancelled
        self.draining = 2  # looks until a drained node is empty

    def look(self, name):
        job = self.jobs.get(name)
        if job is not None and self.coming[name]:
            self.turn(job, *self.coming[name].popleft())
        return job

    def turn(self, job, state, exit=None, node="bravo"):
        job["state"] = state
        job["run"] = run(job["name"], state, node, 1, 1, kind=job["kind"], exit=exit)

    def put(self, name, spec):
        """A new job starts at once; a task ends two looks later, well or as it was told to."""
        job = job_of(run(name, "starting", "charlie", 0, 1, kind=spec.get("kind", "service")))
        job["spec"] = spec
        before = self.jobs.get(name)
        self.jobs[name] = job
        code = int(spec.get("env", {}).get("EXIT", 0))
        ends = ("dead" if code else "done", exit_of(code))
        if self.fault or self.signal:
            ends = ("dead", exit_of(signal=self.signal, reason=self.fault))
        if job["kind"] == "task":
            self.coming[name].extend([("running", None), ends])
        elif self.full:
            self.turn(job, "pending", node=None)
            job["run"]["reason"] = "no free slot"
        elif spec.get("env", {}).get("WAITS"):
            self.turn(job, "pending", node=None)
            job["run"]["reason"] = "about to be placed"
            self.coming[name].extend([("pending", None, None), ("running", None)])
        else:
            self.coming[name].append(("running", None))
        return {
            "job": job,
            "run": job["run"],
            "copies": 3,
            "created": before is None,
            "changed": before is None or before["spec"] != spec,
        }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "a client"

    def reply(self, status, document, kind="application/json"):
        body = document if isinstance(document, bytes) else json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code, message, field=None):
        self.reply(status, {"error": {"code": code, "message": message, "field": field}})

    def stream(self, records, hangs=False, breaks=False):
        """NDJSON in small pieces, so that lines are cut in the middle."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode()
        for at in range(0, len(text), 17):
            piece = text[at : at + 17]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if hangs:
            self.server.api.released.wait(30)
        if not breaks:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def begin(self):
        """Notes the request and splits it; True when a name in it has made trouble already."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        raw, _, query = self.path.partition("?")
        self.place = urllib.parse.unquote(raw)
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        api = self.server.api
        self.state = api.state
        self.body = json.loads(body) if body else None
        api.seen.append(Seen(self.command, raw, self.query, dict(self.headers), self.body))
        for name, (status, code, message, field) in TROUBLE.items():
            if name in self.place:
                self.refuse(status, code, message, field)
                return True
        if "odd/html" in self.place:
            self.reply(500, b"<html>oops</html>", "text/html")
            return True
        if "odd/words" in self.place:
            self.reply(200, b"it works!", "text/plain")
            return True
        if "odd/breaks" in self.place:
            self.close_connection = True
            return True
        return False

    def missing(self, what, name):
        self.refuse(404, "not_found", f'there is no {what} "{name}"')

    def page(self, items):
        limit = int(self.query.get("limit", 100))
        start = int(self.query.get("after", 0))
        more = start + limit < len(items)
        self.reply(
            200,
            {"items": items[start : start + limit], "next": str(start + limit) if more else None},
        )

    def listing(self, items):
        if self.query.get("node") == "bravo":
            self.state.draining -= 1
            items = items if self.state.draining >= 0 else []
            if self.state.draining == self.state.taken_back:
                self.mode("bravo", "open")
        keys = {"job": "job", "node": "node", "state": "state"}
        for key, field in keys.items():
            if key in self.query:
                items = [i for i in items if i.get(field) == self.query[key]]
        self.page([i for i in items if i.get("name", "").startswith(self.query.get("prefix", ""))])

    def do_GET(self):
        if self.begin():
            return
        fixed = {
            "/v1/status": self.status,
            "/health": lambda: self.reply(*self.state.health),
            "/v1/members": lambda: self.page(self.server.api.members),
            "/v1/events": self.events,
            "/v1/jobs": lambda: self.listing(list(self.state.jobs.values())),
            "/v1/runs": lambda: self.listing(
                [j["run"] for j in self.state.jobs.values() if j["run"]]
            ),
        }
        named = {
            "/v1/jobs/": self.job,
            "/v1/nodes/": self.node,
            "/v1/place/": self.where,
            "/v1/why/": self.why,
            "/v1/runs/": self.run_or_logs,
        }
        if self.place in fixed:
            return fixed[self.place]()
        for start, answer in named.items():
            if self.place.startswith(start):
                return answer(self.place[len(start) :])
        self.refuse(404, "not_found", "no such path")

    def status(self):
        jobs = self.state.jobs
        self.reply(
            200,
            {
                "node": "alpha",
                "node_id": "id-of-alpha",
                "cluster_id": "c0ffee",
                "version": "0.1.0",
                "state": "joined",
                "members": {"alive": 3, "suspect": 0, "dead": 1, "left": 0},
                "slots": 10,
                "used": 7,
                "slots_all": 40,
                "used_all": 25,
                "waiting": 1,
                "jobs": len(jobs),
                "runs": len(jobs),
                "keeper_buckets": 43,
                "orphan_buckets": self.state.orphans,
                "since": ago(7300),
                "problems": ["the disk is 91% full"],
            },
        )

    def events(self):
        since = int(self.headers.get("Last-Event-ID") or 0)
        events = [e for e in EVENTS if int(e["index"]) > since]
        events = events[-int(self.query.get("limit", 200)) :]
        self.stream(events, hangs="follow" not in self.query)

    def job(self, name):
        job = self.state.look(name)
        if job is None:
            return self.missing("job", name)
        self.reply(200, job)

    def mode(self, name, mode):
        api = self.server.api
        api.members = [dict(m, mode=mode) if m["name"] == name else m for m in api.members]

    def node(self, name):
        for one in self.server.api.members:
            if one["name"] == name:
                runs = [
                    j["run"]
                    for j in self.state.jobs.values()
                    if j["run"] and j["run"]["node"] == name
                ]
                return self.reply(
                    200, {"node": one, "runs": runs[: int(self.query.get("limit", 100))]}
                )
        self.missing("node", name)

    def where(self, name):
        job = self.state.jobs.get(name)
        if job is None:
            return self.missing("job", name)
        bench = [
            {"node": m["name"], "seat": n + 1, "keeper": n == 1} for n, m in enumerate(MEMBERS)
        ]
        self.reply(
            200,
            {
                "name": name,
                "bucket": 113,
                "bench": bench,
                "run": job["run"],
                "preference": ["charlie", "alpha", "bravo"],
            },
        )

    def why(self, name):
        job = self.state.jobs.get(name)
        if job is None:
            return self.missing("job", name)
        self.reply(
            200,
            {
                "name": name,
                "state": job["state"],
                "since": job["run"]["since"],
                "reason": "no free slot",
                "summary": "pending: no free slot; needs 8, on tag.gpu",
                "nodes": [
                    {"node": "bravo", "fits": True, "note": "matches, 7 of 20 slots free"},
                    {"node": "alpha", "fits": False, "note": "tag.gpu missing"},
                    {"node": "charlie", "fits": False, "note": "no: tag.gpu missing"},
                ],
            },
        )

    def run_or_logs(self, name):
        if not name.endswith("/logs"):
            found = [
                j["run"] for j in self.state.jobs.values() if j["run"] and j["run"]["run"] == name
            ]
            return self.reply(200, found[0]) if found else self.missing("run", name)
        name = name[: -len("/logs")]
        if name not in self.state.jobs:
            return self.missing("run", name)
        lines = [one for one in LOG if self.query.get("stream", one["stream"]) == one["stream"]]
        count = int(self.query.get("lines", len(lines)))
        self.stream(
            lines[len(lines) - count :],
            breaks=name == "mail/outbox",
            hangs=self.query.get("follow") == "1" and name == "market/ticker",
        )

    def do_PUT(self):
        if self.begin():
            return
        name = self.place[len("/v1/jobs/") :]
        if self.headers.get("If-None-Match") == "*" and name in self.state.jobs:
            return self.refuse(409, "exists", f'the name "{name}" is taken', "name")
        self.reply(200, self.state.put(name, self.body))

    def do_DELETE(self):
        if self.begin():
            return
        name = self.place[len("/v1/jobs/") :]
        job = self.state.jobs.pop(name, None)
        if job is None:
            return self.missing("job", name)
        runs = job["run"] is not None and job["run"]["state"] == "running"
        self.reply(
            200, {"name": name, "copies": 3, "run_may_live_until": ago(-3630) if runs else None}
        )

    def do_POST(self):
        if self.begin():
            return
        if self.place in ("/v1/init", "/v1/join", "/v1/leave"):
            return self.reply(200, {})
        if self.place.startswith("/v1/nodes/") and self.place.endswith("/drain"):
            node = self.place.split("/")[3]
            self.mode(node, "open" if self.body.get("cancel") else "draining")
            return self.reply(200, {"node": node, "mode": "draining"})
        name, _, action = self.place[len("/v1/jobs/") :].rpartition("/")
        job = self.state.jobs.get(name)
        if job is None:
            return self.missing("job", name)
        coming = {
            "stop": [("stopping", None), ("stopped", None)],
            "start": [("starting", None), ("running", None)],
            "restart": [],
        }[action]
        self.state.coming[name].extend(coming)
        self.reply(200, {"job": job, "copies": 3})


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class FakeApi:
    def __init__(self, folder, port=0):
        self.socket = os.path.join(folder, "api.sock")
        self.seen = []
        self.state = State()
        self.members = list(MEMBERS)
        self.released = threading.Event()  # streams that hang go on
        self.servers = [Unix(self.socket, Handler), Tcp((HOST, port), Handler)]
        self.url = f"http://{HOST}:{self.servers[1].server_address[1]}"
        for server in self.servers:
            server.api = self
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
            ).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    with FakeApi(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0) as served:
        print(served.socket, served.url, flush=True)
        while True:
            time.sleep(3600)
