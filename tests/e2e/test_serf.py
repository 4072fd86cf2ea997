# SPDX-License-Identifier: Apache-2.0
"""One gossip pool of muster's agents, `serf` agents and a plain memberlist node, encrypted and
compressed: everybody sees everybody, and nobody is misunderstood."""
import concurrent.futures
import json
import os
import signal
import subprocess

import pytest

import serfs
from agent import BUILD, eventually
from cluster import Cluster

pytestmark = pytest.mark.skipif(serfs.missing() is not None,
                                reason=f"this machine {serfs.missing()}")
OURS, ALL = 3, 6


def keygen(*words):
    return subprocess.check_output([os.path.join(BUILD, "muster"), "keygen", *words],
                                   text=True).strip()


class Pool:
    """Three of ours, two of serf's, one of memberlist's."""

    def __init__(self, key):
        self.cluster = Cluster(OURS, extra=["--encrypt", key, "--delegate", "2,5,5",
                                            "--tags", "rack=a"])
        x = self.cluster.octet
        self.serfs = [serfs.Serf(f"serf{i}", f"127.0.{40 + i}.{x}", key,
                                 {"role": "db", "n": str(i)}) for i in range(2)]
        self.plain = serfs.Memberlist("plain", f"127.0.44.{x}", key)

    def __enter__(self):
        for k, serf in enumerate(self.serfs):
            serf.start(self.cluster.host_of(k))
        self.plain.start(self.cluster.host_of(2))
        return self

    def __exit__(self, kind, *_):
        for member in (*self.serfs, self.plain):
            member.close()
        self.cluster.close(expect_clean=kind is None)

    def shown(self, name):
        """What each serf agent says of a member whose name begins so."""
        return {serf.name: next((status for member, (status, _) in serf.members().items()
                                 if member.startswith(name)), None)
                for serf in self.serfs if serf.process is not None}

    def all_show(self, name, status, seconds=15):
        eventually(lambda: set(self.shown(name).values()) == {status}, seconds,
                   f"every serf shows {name} as {status}: {self.shown(name)}")

    def all_alive(self, seconds=20):
        def whole():
            views = [{name: status for name, (status, _) in serf.members().items()}
                     for serf in self.serfs]
            views += [{m["name"]: m["status"] for m in agent.members().values()}
                      for agent in self.cluster.up()]
            views.append({name: "alive" for name in self.plain.members()})
            return all(len(v) == ALL and set(v.values()) == {"alive"} for v in views)

        eventually(whole, seconds, "everybody shows everybody alive")


def check_tags(pool):
    for serf in pool.serfs:
        tags = {name: tags for name, (_, tags) in serf.members().items()}
        for name, own in tags.items():
            assert own.get("rack" if name.startswith("n") else "role") in ("a", "db", "plain")
    ours = pool.cluster[0].members()
    assert ours["serf1"]["tags"] == {"n": "1", "role": "db"} and ours["serf1"]["foreign"]
    assert ours["plain"]["tags"] == {"role": "plain"}
    assert all(b"rack" in meta for name, meta in pool.plain.members().items()
               if name.startswith("n"))
    said = pool.cluster[0].cli("members")[1]
    assert "3 members, 3 foreign," in said and "role=plain" in said, said


def change_keys(pool, old, new):
    """Everybody installs, uses, removes: each by its own means, at moments of their own."""
    def everywhere(verb, key):
        # serf asks the whole pool and says that not all have done it: we have our own means.
        for serf in pool.serfs:
            work.append(threads.submit(serf.serf, "keys", f"-{verb}={key}", check=False))
        assert pool.plain.say(verb, key) == "ok"
        code, said, complaint = pool.cluster[0].cli("keys", verb, "-", input=key + "\n")
        assert code == 0 and "on 3 of 3 nodes" in said, said + complaint
        for done in work:
            done.result()
        work.clear()

    work = []
    with concurrent.futures.ThreadPoolExecutor() as threads:
        everywhere("install", new)
        everywhere("use", new)
        everywhere("remove", old)


def check_queries(pool, key):
    """What serf asks of everybody, ours answer too; only the plain node cannot."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        asked = threads.submit(pool.serfs[0].serf, "query", "-format=json", "-timeout=2s",
                               "hello")
        named = threads.submit(pool.serfs[0].serf, "query", "-format=json", "-timeout=2s",
                               "-node=serf1", "hello")
        listed = threads.submit(pool.serfs[1].serf, "keys", "-list", check=False)
        refused = threads.submit(pool.serfs[1].serf, "keys", f"-use={key}", check=False)
    theirs = {name for name in pool.serfs[0].members() if name != "plain"}
    assert set(json.loads(asked.result())["Acks"]) == theirs, asked.result()
    assert json.loads(named.result())["Acks"] == ["serf1"], named.result()
    assert f"{ALL - 1}/{ALL} nodes reported success" in listed.result(), listed.result()
    assert refused.result().count("muster keys") >= OURS, refused.result()
    return True


def test_one_pool_with_serf_and_memberlist():
    old, new = keygen(), keygen("--bits", "128")
    with Pool(old) as pool:
        ours = pool.cluster
        pool.all_alive()
        check_tags(pool)
        # Datagrams, sent once: now and then one of twenty answers is not there in time.
        eventually(lambda: check_queries(pool, old), 20, "queries are answered")

        # Ours leaves in order, comes back, leaves again, elsewhere: `left`, not `failed`.
        assert ours[2].term() == 0
        pool.all_show(ours[2].name, "left", 3)
        ours[2].host = f"127.0.22.{ours.octet}"
        ours[2].start()
        pool.all_alive()
        assert ours[2].term() == 0
        pool.all_show(ours[2].name, "left", 3)
        ours[2].start()
        pool.all_alive()

        # Ours dies without a word and comes back as the next incarnation of itself.
        ours[2].kill9()
        pool.all_show(ours[2].name, "failed", 3)
        ours[2].start()
        pool.all_alive()

        # Somebody wants one of ours gone that lives: it says no.
        pool.serfs[0].serf("force-leave", next(name for name in pool.serfs[0].members()
                                               if name.startswith(ours[1].name)))
        pool.all_show(ours[1].name, "alive", 3)

        # A key is changed, and meanwhile nobody is even suspected.
        events = len(ours[0].events())
        change_keys(pool, old, new)
        pool.all_alive()
        assert {e["type"] for e in ours[0].events()[events:]} <= {"keys.changed"}
        pool.plain.close()  # dies without a word; see below
        intruder = serfs.Serf("intruder", f"127.0.45.{ours.octet}", old)
        try:
            intruder.start()
            assert "0 nodes" in intruder.serf("join", ours.host_of(0), check=False) or \
                len(intruder.members()) == 1
        finally:
            intruder.close()

        # One of theirs leaves, another has died.
        pool.serfs[1].end(signal.SIGTERM)
        eventually(lambda: ours[0].members()["serf1"]["status"] == "left", 5, "serf1 has left")
        eventually(lambda: ours[0].members()["plain"]["status"] == "dead", 15, "plain is dead")
        pool.all_show("plain", "failed", 10)
