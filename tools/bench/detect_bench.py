# SPDX-License-Identifier: Apache-2.0
"""Rows 24 and 25: how long until every other agent shows that one of them is gone, beside serf.

Ours are asked for their members over connections that are kept open, serf's by `serf members`:
all of them at once, and again at once, until each has said that the victim is not alive. What is
counted is the moment at which the last one said it, with the time of asking in it.
"""
import json
import os
import random
import select
import signal
import socket
import subprocess
import time

import procs
from agent import GOSSIP_PORT, HTTP_PORT, eventually
from cluster import Cluster
from figures import percentile
from serfs import RPC_PORT, Serf, missing

POOLS = (5, 15)
TURNS = 21              # strikes of each kind on each pool of ours
SERF_KILLS, SERF_SILENCES = 2, 1
SERF_HOSTS = "127.0.{}.250"


class Eye:
    """A kept-open connection to an agent, over which it is asked for its members."""
    ASK = b"GET /v1/members HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def __init__(self, agent):
        self.tcp = socket.create_connection((agent.host, HTTP_PORT), timeout=15)
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""

    def ask(self):
        self.tcp.sendall(self.ASK)

    def answer(self):
        """Name to status once the answer is whole, else None."""
        self.got += self.tcp.recv(65536)
        head, mark, rest = self.got.partition(b"\r\n\r\n")
        if not mark:
            return None
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                      if line.startswith(b"content-length"))
        if len(rest) < length:
            return None
        self.got = b""
        return {m["name"]: m["status"] for m in json.loads(rest)["items"]}


def is_gone(status):
    return status in (None, "dead", "failed", "left")


def until_shown(eyes, name, begin, seconds):
    """Seconds from `begin` until the last of them shows `name` as gone."""
    waiting = {eye.tcp: eye for eye in eyes}
    for eye in eyes:
        eye.ask()
    while waiting:
        if time.monotonic() - begin > seconds:
            raise AssertionError(f"{len(waiting)} do not show {name} as dead after {seconds} s")
        for tcp in select.select(list(waiting), [], [], 1)[0]:
            members = waiting[tcp].answer()
            if members is None:
                continue
            if is_gone(members.get(name)):
                del waiting[tcp]
            else:
                waiting[tcp].ask()
    return time.monotonic() - begin


def strikes(add, cluster, kind, size, number):
    times, luck = [], random.Random(size)
    for turn in range(TURNS):
        victim = cluster[turn % size]
        eyes = [Eye(agent) for agent in cluster if agent is not victim]
        pid, start = victim.pid, procs.started(victim.pid)
        time.sleep(luck.random())  # what all do in each second falls together
        begin = time.monotonic()
        procs.kill(pid, number, start)
        times.append(1e3 * until_shown(eyes, victim.name, begin, 60))
        add(f"{kind}_{size}", times[-1])
        procs.kill(pid, signal.SIGKILL, start)
        victim.process.wait(10)
        for eye in eyes:
            eye.tcp.close()
        victim.start()
        cluster.wait_members(40)
        time.sleep(0.5)
    add(f"{kind}_{size}_p99", percentile(times, 99))


def ours(add, kind, number):
    for size in POOLS:
        with Cluster(size, slots=4) as c:
            time.sleep(5)
            strikes(add, c, kind, size, number)


# ---- serf

def serfs_open(size):
    pool = [Serf(f"serf{i}", SERF_HOSTS.format(10 + i)) for i in range(size)]
    for serf in pool:
        serf.start(*([] if serf is pool[0] else [f"{pool[0].host}:{GOSSIP_PORT}"]))

    def is_whole():
        return all(sum(s == "alive" for s, _ in serf.members().values()) == size for serf in pool)

    eventually(is_whole, 60, f"{size} serf agents see each other", pause=0.5)
    return pool


def serf_shows(serf, name):
    words = ["serf", "members", f"-rpc-addr={serf.host}:{RPC_PORT}", f"-name={name}",
             "-format=json"]
    done = subprocess.run(words, capture_output=True, timeout=20, check=True)
    members = json.loads(done.stdout)["members"] or []
    return all(is_gone(m["status"]) for m in members)


def serf_strike(pool, victim, number):
    others = [serf for serf in pool if serf is not victim]
    begin = time.monotonic()
    victim.process.send_signal(number)
    for serf in others:
        eventually(lambda s=serf: serf_shows(s, victim.name), 90, f"{serf.name} shows it dead")
    took = time.monotonic() - begin
    victim.end()
    victim.start(f"{others[0].host}:{GOSSIP_PORT}")
    eventually(lambda: all(dict.get(s.members(), victim.name, ("",))[0] == "alive" for s in others),
               60, f"{victim.name} is back", pause=0.5)
    return took


def serfs(add, kind, number, turns):
    if missing() and "serf" in missing():
        print(f"note: {missing()}", flush=True)
        return
    for size in POOLS:
        pool = serfs_open(size)
        try:
            for turn in range(turns):
                add(f"serf_{kind}_{size}", 1e3 * serf_strike(pool, pool[1 + turn], number))
        finally:
            for serf in pool:
                serf.close()


def killed(add):
    ours(add, "shown", signal.SIGKILL)
    serfs(add, "shown", signal.SIGKILL, SERF_KILLS)


def silent(add):
    ours(add, "hushed", signal.SIGSTOP)
    serfs(add, "hushed", signal.SIGSTOP, SERF_SILENCES)
