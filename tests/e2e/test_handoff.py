# SPDX-License-Identifier: Apache-2.0
"""A service that is moved and one that is changed: with `handoff: start-stop` somebody listens all
the time, with stop-start nobody does for a while; and what is never ready elsewhere stays."""
import socket
import threading

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent

# Slow to start, as services are; the port is shared by old and new.
SERVER = """
import os, socket, sys, time
if os.environ["MUSTER_NODE"] == sys.argv[2]:
    time.sleep(3600)
time.sleep(0.4)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(64)
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
n.connect(os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
n.send(b"READY=1")
while True:
    s.accept()[0].close()
"""


class Caller:
    """Calls again and again, and counts when nobody listens."""

    def __init__(self, port):
        self.port, self.calls, self.refused, self.ends = port, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        eventually(lambda: self.calls > 0, 5, "somebody listens")

    def run(self):
        while not self.ends.wait(0.01):
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                self.calls += 1
            except ConnectionRefusedError:
                self.refused += 1
            except OSError:
                pass  # it was in the queue of one that ended: somebody listened

    def stop(self):
        self.ends.set()
        self.thread.join(10)
        return self.calls, self.refused


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def submit(c, port, handoff, shy="-", **more):
    c[0].put("/v1/jobs/web", {"exec": ["/usr/bin/python3", "-c", SERVER, str(port), shy],
                              "ready": "notify", "ready_timeout": "3s", "handoff": handoff, **more})


def run_of(c):
    return next((r for r in c[0].runs() if r["run"] == "web"), None)


def settled(c, but=None):
    def is_so():
        r = run_of(c)
        ok = r and r["state"] == "running" and r["handoff"] is None and r["node"] != but
        return r if ok and len([p for p in c.processes() if p.job == "web"]) == 1 else None
    return eventually(is_so, 15, "one run is ready")


def test_nobody_waits_while_a_service_is_handed_over(clusters):
    c = clusters(3)
    c.wait_benches()
    port, gaps = free_port(), {}
    for handoff in ("start-stop", "stop-start"):
        submit(c, port, handoff)
        before = settled(c)
        caller = Caller(port)
        assert c[0].cli("drain", before["node"], "--no-wait")[0] == 0
        if handoff == "start-stop":
            eventually(lambda: "handing over to" in c[0].cli("why", "web")[1], 5, "why says so")
        after = settled(c, but=before["node"])
        assert after["token"] != before["token"]
        if handoff == "start-stop":  # and so it is changed
            submit(c, port, handoff, env={"NEW": "1"})
            eventually(lambda: run_of(c)["token"] != after["token"], 10, "it is another run")
            settled(c)
        _, gaps[handoff] = caller.stop()
        assert c[0].cli("drain", before["node"], "--cancel")[0] == 0
    assert gaps["start-stop"] == 0 < gaps["stop-start"]


def test_what_is_never_ready_elsewhere_goes_on_where_it_is(clusters):
    c = clusters(2)
    c.wait_benches()
    port, home, other = free_port(), c[0].name, c[1].name
    submit(c, port, "start-stop", shy=other, prefer=f"node == {home}")
    before = settled(c)
    assert before["node"] == home
    caller = Caller(port)
    assert c[1].cli("drain", home, "--no-wait")[0] == 0
    failed = eventually(lambda: [e for a in c for e in a.events()
                                 if e["type"] == "run.heir.failed"], 15, "it was tried")
    assert f"the run on {home} goes on" in failed[0]["text"]
    eventually(lambda: f"{other} was not ready to take over" in c[0].cli("why", "web")[1], 5,
               "why says so")
    eventually(lambda: len([p for p in c.processes() if p.job == "web"]) == 1, 10, "one is left")
    assert run_of(c)["token"] == before["token"]
    assert caller.stop()[1] == 0


def test_what_may_not_run_twice_is_refused(clusters):
    c = clusters(1)
    for more, word in (({"partition": "exclusive"}, "exclusive"), ({"kind": "task"}, "services"),
                       ({"max_running": 2}, "max_running"), ({"spread": "each"}, "each node")):
        answer = c[0].request("PUT", "/v1/jobs/x",
                              {"exec": ["true"], "handoff": "start-stop", **more})
        assert answer[0] == 400 and word in str(answer), (more, answer)
