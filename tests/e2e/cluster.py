# SPDX-License-Identifier: Apache-2.0
"""Real agents on loopback addresses, each with a folder of its own, and their end without a trace.

    with Cluster(3, slots=20) as c:
        c[0].submit("feed/a")
        c.wait_once({"feed/a"}, 5)
        c[1].kill9()

Addresses are 127.0.(10+k).x with the usual ports; x is the first one free for all of them, so that
several clusters can live on one machine. Node names carry a tag of their cluster: what the process
table shows of MUSTER_NODE tells whose job it is.
"""
import collections
import os
import shutil
import signal
import socket
import tempfile
import time

import procs
from agent import BUILD, GOSSIP_PORT, HTTP_PORT, PATIENCE, PEER_PORT, Agent, eventually

AGENTS_MAX = 32
BUCKETS = 1024
# For clusters whose nodes have plain names: an environment variable that each of their jobs sets.
MARK = "TEST_CLUSTER"


def is_free(host):
    for kind, port in ((socket.SOCK_STREAM, PEER_PORT), (socket.SOCK_STREAM, HTTP_PORT),
                       (socket.SOCK_STREAM, GOSSIP_PORT), (socket.SOCK_DGRAM, GOSSIP_PORT)):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


class Cluster:
    """`size` agents that see each other; `c[0]` founded it. More come by `add`."""
    agent_class = Agent

    def __init__(self, size, slots=20, names=None, program=None, start=True, extra=()):
        assert size <= AGENTS_MAX
        self.folder = tempfile.mkdtemp(prefix="muster-")
        self.tag = os.path.basename(self.folder)[len("muster-"):].lower().replace("_", "0")
        self.program, self.slots, self.extra = program, slots, list(extra)
        self.names = names
        self.agents, self.claims = [], []
        self.octet = self._free_octet()
        try:
            for _ in range(size):
                self.add(start=False)
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    def _free_octet(self):
        first = 1 + os.getpid() % 200
        for x in [*range(first, 255), *range(1, first)]:
            if self._claim(x) and all(is_free(f"127.0.{10 + k}.{x}") for k in range(3)):
                return x
        raise AssertionError("no free loopback address")

    def _claim(self, x):
        """Other test processes look for addresses at the same time: a port that nobody else uses is
        held for as long as the cluster lives."""
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"127.0.9.{x}", GOSSIP_PORT))
        except OSError:
            claim.close()
            return False
        self.claims.append(claim)
        return True

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(expect_clean=kind is None)

    def __getitem__(self, k):
        return self.agents[k]

    def __iter__(self):
        return iter(self.agents)

    # ---- agents

    def name_of(self, k):
        return self.names[k] if self.names else f"n{k}-{self.tag}"

    def host_of(self, k):
        return f"127.0.{10 + k}.{self.octet}"

    def program_of(self, _k):
        return self.program

    def address_of(self, k):
        return f"{self.host_of(k)}:{GOSSIP_PORT}"

    def add(self, start=True, slots=None, join=None, name=None, extra=()):
        """One more agent; the first founds the cluster, the others join by its address and by the
        second's."""
        k = len(self.agents)
        assert k < AGENTS_MAX
        if join is None:
            join = [self.address_of(seed) for seed in (0, 1) if seed < k]
        agent = self.agent_class(name or self.name_of(k), self.host_of(k),
                                 os.path.join(self.folder, str(k)), slots or self.slots, join,
                                 self.program_of(k), [*self.extra, *extra])
        self.agents.append(agent)
        if start:
            agent.start()
        return agent

    def start(self):
        """All that are down; returns when every one of them sees all the others alive."""
        for agent in self.agents:
            if not agent.is_up():
                agent.start(wait=False)
        for agent in self.up():
            agent.wait_ready()
        self.wait_members()

    def up(self):
        return [agent for agent in self.agents if agent.is_up()]

    def wait_members(self, seconds=20):
        names = {agent.name for agent in self.up()}
        for agent in self.up():
            eventually(lambda a=agent: names <= {n for n, m in a.members().items()
                                                 if m["status"] == "alive"},
                       seconds, f"{agent.name} sees {len(names)} members alive")

    def wait_benches(self, seconds=40):
        """Until every bucket has a keeper, and no bench is shorter than it should be: before that a
        record may lie on one disk only, and says so."""
        def full():
            views = [agent.get("/v1/status") for agent in self.up()]
            kept = sum(view["keeper_buckets"] for view in views)
            short = sum(view["short_buckets"] for view in views)
            assert (kept, short) == (BUCKETS, 0), f"{kept} have a keeper, {short} are short"
            return True

        eventually(full, seconds, "every bench is full", pause=0.1)

    # ---- what really runs

    def wait_full(self, seconds=20):
        """Until every record is on as many nodes as it will be."""
        eventually(lambda: all(a.get("/v1/status")["short_buckets"] == 0 for a in self.up()),
                   seconds, "every bench is full")

    def is_ours(self, env):
        if env.get(MARK) == self.tag:
            return True
        return self.names is None and env.get("MUSTER_NODE") in {a.name for a in self.agents}

    def processes(self):
        """The root process of every run of this cluster, from the process table."""
        return procs.roots(procs.jobs(self.is_ours))

    def counts(self):
        """Job to number of processes."""
        return collections.Counter(p.job for p in self.processes())

    def by_job(self):
        """Job to its one process; a job that runs twice is an error."""
        found = {}
        for p in self.processes():
            assert p.job not in found, f"{p.job} runs twice: {found[p.job]} and {p}"
            found[p.job] = p
        return found

    def on_node(self, agent):
        return [p for p in self.processes() if p.node == agent.name]

    def wait_once(self, jobs, seconds):
        """Until exactly these jobs run, each once; their processes by name."""
        wanted = collections.Counter({job: 1 for job in jobs})

        def each_once():
            counts = self.counts()
            missing = sorted(wanted - counts)
            extra = sorted(counts - wanted)
            assert not missing and not extra, (f"missing {missing[:5]} ({len(missing)} in all), "
                                               f"extra {extra[:5]}")
            return True

        eventually(each_once, seconds, f"{len(wanted)} jobs run, each once")
        return self.by_job()

    def guards(self):
        return procs.touching(self.folder, procs.GUARD)

    # ---- the end

    def close(self, expect_clean=True, grace=6):
        """Kills every agent; their guards must then end every job by themselves. What is still
        there after that is killed by its pid, and named, for it should not be."""
        for agent in self.agents:
            if agent.is_up():
                agent.kill9()
        until = time.monotonic() + grace * PATIENCE
        left = self._leftovers()
        while left and time.monotonic() < until:
            time.sleep(0.02)
            left = self._leftovers()
        named = [f"{pid} {procs.exe(pid)}" for pid, _ in left]
        for _ in range(3):
            for pid, start in left:
                procs.kill(pid, signal.SIGKILL, start)
            procs.gone([pid for pid, _ in left], 2)
            left = self._leftovers()
        alarms = [f"{a.name}: {line}" for a in self.agents for line in a.alarms()]
        shutil.rmtree(self.folder, ignore_errors=True)
        for claim in self.claims:
            claim.close()
        if expect_clean:
            assert not named, f"left behind by dead agents: {named}"
            assert not alarms, "\n".join(alarms)

    def _leftovers(self):
        """Jobs and guards that are still there: pid and start. The program is asked again after the
        start, so that a pid which changed hands in between is not taken for a guard."""
        found = {(p.pid, p.start) for p in procs.jobs(self.is_ours)}
        for pid in self.guards():
            start = procs.started(pid)
            if start is not None and procs.exe(pid) == procs.GUARD:
                found.add((pid, start))
        return sorted(found)

    def logs(self, lines=60):
        return "\n".join(f"======== {a.name} ({'up' if a.is_up() else 'down'})\n{a.log(lines)}"
                         for a in self.agents)


def have_agent():
    return os.access(os.path.join(BUILD, "muster-agent"), os.X_OK)
