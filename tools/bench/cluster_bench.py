# SPDX-License-Identifier: Apache-2.0
"""Measurements of real agents on loopback, each cluster fresh, its data on the disk below TMPDIR.

Each function measures a few rows and hands every sample to `add(name, value)`. Times of starts are
written by the started process itself (tools/bench/tool/stamp.c), so nobody's looking adds to them.
"""
import json
import os
import random
import signal
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tests", "e2e"))
sys.dont_write_bytecode = True

import detect_bench  # noqa: E402
import procs  # noqa: E402
from agent import BUILD, HTTP_PORT, eventually  # noqa: E402
from cluster import Cluster  # noqa: E402
from figures import percentile  # noqa: E402
from nets import NetCluster  # noqa: E402
from rooms import lines_of  # noqa: E402

RUNS = 5
SUBMITS_ONE = 20000     # in each run of row 1: five runs fill the table for row 20
SUBMITS_THREE = 6000
SUBMITS_SINGLE = 300
KILLS = 21
ONE_KILLS = 50          # with a service for each node; as many with 3 nodes as with 5
SILENCES = 15
SERVICES = 12           # of each kill: new ones, for a service whose nodes keep dying is held
STARTS = 40
IDLE_NODES, IDLE_S = 15, 30

SUBMIT = os.path.join(BUILD, "bench", "submit")
STAMP = os.path.join(BUILD, "bench", "stamp")


def address(agent):
    return f"{agent.host}:{HTTP_PORT}"


def load(agents, window, count, prefix):
    return lines_of(SUBMIT, ",".join(map(address, agents)), str(window), str(count), prefix,
                    limit=180)


def settle(cluster, seconds=60):
    """Until every agent sees all the others, every bucket has a keeper, and every bench is full."""
    cluster.wait_members(seconds)

    def is_settled():
        for agent in cluster.up():
            status = agent.get("/v1/status")
            assert status["orphan_buckets"] == 0 and status["short_buckets"] == 0, status
        return sum(agent.get("/v1/status")["keeper_buckets"] for agent in cluster.up()) == 1024

    eventually(is_settled, seconds, "full benches with keepers", pause=0.2)


def spread(cluster, seconds=60):
    """Until the keepers of the buckets are spread over the nodes, which takes a calm while."""
    def is_spread():
        kept = [agent.get("/v1/status")["keeper_buckets"] for agent in cluster.up()]
        assert min(kept) > sum(kept) / len(kept) / 2, kept
        return True

    eventually(is_spread, seconds, "every node keeps its share", pause=0.5)


# ---- submits and memory (rows 1 to 4, 20)

def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise LookupError("no VmRSS")


def one_node(add):
    """Rows 1, 2 and 20."""
    with Cluster(1, slots=20) as c:
        time.sleep(3)
        add("rss_idle", rss_mib(c[0].pid))
        load(c, 1, 200, "warm/one")
        for run in range(RUNS):
            add("one_p50", load(c, 1, SUBMITS_SINGLE, f"single/{run}")["submit_p50"])
        for run in range(RUNS):
            add("one_submits", load(c, 256, SUBMITS_ONE, f"window/{run}")["submits"])
        time.sleep(1)  # until it has seen that its 256 clients are gone, and what each of them had
        add("rss_rows", rss_mib(c[0].pid))


def three_nodes(add):
    """Rows 3 and 4. One at a time goes to one agent, which decides for a third of the names and
    carries the others on; a window is spread over all three."""
    with Cluster(3, slots=20) as c:
        settle(c)
        spread(c)
        for run in range(RUNS):
            said = load([c[0]], 1, SUBMITS_SINGLE, f"single/{run}")
            add("three_p50", said["submit_p50"])
            add("three_p99", said["submit_p99"])
        for run in range(RUNS):
            said = load(c, 256, SUBMITS_THREE, f"window/{run}")
            if said["copies_min"] != 3:
                print(f"note: a submit of row 3 was answered with {said['copies_min']:.0f} copies")
            add("three_submits", said["submits"])


# ---- triggers, on disk and in memory (row 27)

TRIGGERS_SINGLE, TRIGGERS_MANY = 100, 500


def trigger(agent, job, body):
    begin = time.monotonic()
    said = agent.call("POST", f"/v1/jobs/{job}/run", body)
    assert said.get("new", 1) == len(body.get("items", [0])), said
    return time.monotonic() - begin


def triggers(add):
    """Row 27: runs that no node would take, so that nothing but their making is measured."""
    template = {"kind": "task", "start": "manual", "exec": ["true"], "on": 'node == "nobody"'}
    with Cluster(3, slots=20) as c:
        settle(c)
        spread(c)
        for run in range(RUNS):
            names = {kind: f"{kind}-{run}" for kind in ("light", "kept")}
            for kind, name in names.items():
                c[0].put(f"/v1/jobs/{name}", {**template, "durable": kind == "kept"})
            single, many = {"light": [], "kept": []}, {"light": [], "kept": []}
            for _ in range(TRIGGERS_SINGLE):
                for kind, name in names.items():
                    single[kind].append(trigger(c[0], name, {}) * 1000)
            for _ in range(4):
                for kind, name in names.items():
                    items = [{"arg": str(i)} for i in range(TRIGGERS_MANY)]
                    many[kind].append(TRIGGERS_MANY / trigger(c[0], name, {"items": items}))
            for kind in names:
                add(f"trigger_{kind}_p50", statistics.median(single[kind]))
                add(f"triggers_{kind}", statistics.median(many[kind]))


# ---- a large table (row 23)

MANY, MANY_RUNS, PAGES = 100000, 300, 30


def many_jobs(add):
    """Row 23: 300 services that run, and 100,000 jobs that wait for more slots than there are."""
    with Cluster(3, slots=MANY_RUNS // 3) as c:
        settle(c)
        spread(c)
        for k in range(MANY_RUNS):
            c[k % 3].submit(f"run/{k}")
        load(c, 64, MANY, "many")
        for k in range(PAGES):
            begin = time.monotonic()
            page = c[k % 3].get("/v1/runs")
            add("first_page", (time.monotonic() - begin) * 1000)
            assert len(page["items"]) == 100 and page["next"], page["next"]

        def is_steady():
            status = [agent.get("/v1/status") for agent in c]
            assert sum(s["keeper_buckets"] for s in status) == 1024, "each bucket has a keeper"
            assert all(s["short_buckets"] == 0 for s in status), "every bench is full"
            assert status[0]["waiting"] == MANY, status[0]
            return len(c.by_job()) == MANY_RUNS

        eventually(is_steady, 60, "what has room runs", pause=0.2)
        for agent in c:
            agent.kill9()
        begin = time.monotonic()
        c.start()
        eventually(is_steady, 120, "all is as it was", pause=0.1)
        add("blackout", time.monotonic() - begin)


# ---- starts (rows 8, 9, 13, 14)

class Stamps:
    """What the jobs of a cluster have written down of their starts."""

    def __init__(self, cluster):
        self.path = os.path.join(cluster.folder, "stamps")

    def spec(self, **fields):
        return {"kind": "service", "exec": [STAMP, self.path], "on_agent_loss": "end", **fields}

    def read(self):
        """(job, token, node, pid, nanoseconds) of every start, in order."""
        try:
            with open(self.path, encoding="ascii") as file:
                words = [line.split() for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []
        return [(job, int(token), node, int(pid), int(ns)) for job, token, node, pid, ns in words]

    def last(self):
        """Job to its latest start."""
        return {start[0]: start for start in self.read()}

    def wait(self, jobs, after_ns, seconds):
        """Until each of the jobs has started after that moment; job to the time of its first."""
        def found():
            first = {}
            for job, _, _, _, ns in self.read():
                if ns > after_ns and job in jobs:
                    first.setdefault(job, ns)
            assert len(first) == len(jobs), f"{len(first)} of {len(jobs)}"
            return first

        return eventually(found, seconds, f"{len(jobs)} new processes")


class Door:
    """A kept-open connection to an agent, with the request made before the clock starts."""

    def __init__(self, agent):
        self.tcp = socket.create_connection((agent.host, HTTP_PORT), timeout=15)
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, path, document):
        """When it was sent; the answer must be a success."""
        body = json.dumps(document).encode()
        request = (f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        begin = time.monotonic_ns()
        self.tcp.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.tcp.recv(65536)
        head, rest = answer.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                      if line.startswith(b"content-length"))
        while len(rest) < length:
            rest += self.tcp.recv(65536)
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(rest.decode())
        return begin


def starts(add):
    """Rows 13 and 14 through one agent: a new job, and a process that was killed. The restart has
    no back-off, for that is the job's wish and not muster's time."""
    with Cluster(1, slots=2 * STARTS) as c:
        stamps, door = Stamps(c), Door(c[0])
        for i in range(STARTS):
            job = f"start/{i}"
            begin = door.put(f"/v1/jobs/{job}", stamps.spec())
            add("start_p50", (stamps.wait({job}, begin, 10)[job] - begin) / 1e6)
        eager = stamps.spec(retry=["0s"], reset_after="0s", retry_local=1000000)
        begin = door.put("/v1/jobs/restart", eager)
        stamps.wait({"restart"}, begin, 10)
        for i in range(STARTS):
            pid = stamps.last()["restart"][3]
            begin = time.monotonic_ns()
            procs.kill(pid, signal.SIGKILL)
            add("restart_p50", (stamps.wait({"restart"}, begin, 20)["restart"] - begin) / 1e6)


def struck(cluster, stamps, turn, strike, services, rest_s=0):
    """Submits new services to a cluster at rest, whose keepers are spread, strikes the agent whose
    turn it is some seconds later, and says after how many milliseconds each service it ran has
    begun elsewhere. The agent is started again after it."""
    settle(cluster)
    spread(cluster)
    victim = cluster[turn % len(cluster.agents)]
    jobs = {f"turn{turn}/{i:02}" for i in range(services)}
    begin = time.monotonic_ns()
    for i, job in enumerate(sorted(jobs)):
        cluster[i % len(cluster.agents)].put(f"/v1/jobs/{job}", stamps.spec())
    stamps.wait(jobs, begin, 20)
    cluster.wait_once(jobs, 10)
    lost = {job for job, start in stamps.last().items() if job in jobs and start[2] == victim.name}
    times = []
    time.sleep(rest_s + random.Random(turn).random())  # what all do in a second falls together
    begin = time.monotonic_ns()
    end = strike(cluster, victim)
    if lost:
        first = stamps.wait(lost, begin, 30)
        times = [(ns - begin) / 1e6 for ns in first.values()]
    end()
    victim.start()
    cluster.wait_members(40)
    for job in sorted(jobs):
        cluster[0].delete(f"/v1/jobs/{job}")
    eventually(lambda: not cluster.processes(), 20, "deleted services end")
    return times


def kill(_, victim):
    victim.send(signal.SIGKILL)
    return lambda: victim.process.wait(10)


def unplug(cluster, victim):
    """Nothing comes from its host any more, nor does its kernel answer, as when power is lost."""
    cluster.net.isolate(cluster.agents.index(victim))

    def end():
        victim.send(signal.SIGKILL)
        victim.process.wait(10)
        eventually(lambda: not procs.touching(victim.folder, procs.GUARD), 20, "its guards end")
        cluster.net.heal()

    return end


def losses(name, turns, strike, nodes=3, services=SERVICES, kind=Cluster, rest_s=0):
    """Rows 8, 9 and 26. The p50 of each strike is a sample; p99 is of all services together."""
    def measure(add):
        everything = []
        with kind(nodes, slots=20) as c:
            stamps = Stamps(c)
            for turn in range(turns):
                times = struck(c, stamps, turn, strike, services, rest_s)
                everything += times
                if times:
                    add(f"{name}_p50", statistics.median(times))
        add(f"{name}_p99", percentile(everything, 99))
        print(f"note: {name}: {len(everything)} services over {turns} strikes, p50 "
              f"{percentile(everything, 50):.1f} ms, greatest {max(everything):.1f} ms", flush=True)

    return measure


# ---- idle (row 21)

def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def counter(agent, name):
    for line in agent.request("GET", "/metrics").body.decode().splitlines():
        if line.startswith(f"{name} "):
            return int(float(line.split()[1]))
    raise RuntimeError(f"no metric {name}")


def sent(agent):
    """Bytes of gossip with the headers of IP and UDP, and bytes over the links without any."""
    return (counter(agent, "muster_gossip_sent_bytes_total") +
            28 * counter(agent, "muster_gossip_packets_sent_total"),
            counter(agent, "muster_peer_sent_bytes_total"))


def idle(add):
    """Each agent is a sample. First the benches have to come to rest, which is work, and the
    keepers to be spread."""
    with Cluster(IDLE_NODES, slots=4) as c:
        before, quiet = -1, 0
        until = time.monotonic() + 90
        while quiet < 4 and time.monotonic() < until:
            now = sum(counter(agent, "muster_bench_changes_total") for agent in c)
            quiet = quiet + 1 if now == before else 0
            before = now
            time.sleep(2)
        if quiet < 4:
            print("note: benches were still changing when row 21 was measured", flush=True)
        spread(c, 150)
        told = [sent(agent) for agent in c]
        begin, spent = time.monotonic(), [cpu_s(agent.pid) for agent in c]
        time.sleep(IDLE_S)
        took = time.monotonic() - begin
        for agent, so_far in zip(c, spent):
            add("idle_cpu", 100 * (cpu_s(agent.pid) - so_far) / took)
            add("rss_15", rss_mib(agent.pid))
        took = time.monotonic() - begin
        for agent, (gossip, links) in zip(c, told):
            now = sent(agent)
            add("idle_gossip", (now[0] - gossip) / took)
            add("idle_links", (now[1] - links) / took)


# ---- what measures which rows
PARTS = [
    ({24}, detect_bench.killed),
    ({25}, detect_bench.silent),
    ({1, 2, 20}, one_node),
    ({3, 4}, three_nodes),
    ({27}, triggers),
    ({23}, many_jobs),
    ({13, 14}, starts),
    ({8}, losses("kill", KILLS, kill)),
    # As most hosts are lost: long after their services began. How long a silence is unusual depends
    # on the last eight seconds, so that a strike right behind a start would measure the start.
    ({9}, losses("silent", SILENCES, unplug, kind=NetCluster, rest_s=9)),
    ({26}, losses("one_of_3", ONE_KILLS, kill, services=3)),
    ({26}, losses("one_of_5", ONE_KILLS, kill, nodes=5, services=5)),
    ({21}, idle),
]
