#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A make-believe agent to test the harness with: it answers a few paths, starts processes as an
agent would, and forgets them when it dies. It clusters with nobody."""
import argparse
import http.server
import json
import os
import signal
import subprocess
import sys
import threading

jobs = {}


class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {})
        elif self.path == "/v1/members":
            self.answer(200, {"items": [{"name": options.name, "status": "alive"}], "next": None})
        elif self.path.startswith("/v1/jobs"):
            after = self.path.partition("after=")[2]
            names = [name for name in sorted(jobs) if name > after]
            self.answer(200, {"items": [{"name": n} for n in names[:2]],
                              "next": names[1] if len(names) > 2 else None})
        else:
            self.refuse()

    def refuse(self):
        error = {"code": "not_found", "message": "no such thing", "field": None}
        self.answer(404, {"error": error})

    def do_PUT(self):
        name = self.path.removeprefix("/v1/jobs/")
        spec = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        env = {"PATH": os.environ["PATH"], **spec.get("env", {}), "MUSTER_JOB": name,
               "MUSTER_RUN": name, "MUSTER_RUN_TOKEN": "7", "MUSTER_NODE": options.name}
        jobs[name] = subprocess.Popen(spec["exec"], env=env, start_new_session=True)
        self.answer(200, {"job": name, "copies": 1})

    def log_message(self, *_):
        pass


parser = argparse.ArgumentParser()
for flag in "name bind peer-port http socket data-dir slots join max-strikes complain".split():
    parser.add_argument("--" + flag)
options = parser.parse_args()
os.makedirs(options.data_dir, exist_ok=True)
with open(os.path.join(options.data_dir, "boots"), "a", encoding="utf-8") as boots:
    boots.write("boot\n")
if options.complain:
    print(options.complain, flush=True)
host, port = options.http.split(":")
server = http.server.ThreadingHTTPServer((host, int(port)), Api)


def leave(*_):
    for process in jobs.values():
        process.kill()
    threading.Thread(target=server.shutdown).start()


signal.signal(signal.SIGTERM, leave)
server.serve_forever()
sys.exit(0)
