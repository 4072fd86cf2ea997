# SPDX-License-Identifier: Apache-2.0
"""Five agents, each in a network of its own, and a switch between them that cuts and loses. Within
a connected part a job runs at most once, exclusive ones run once at most anywhere, and soon after
the switch is whole again each runs exactly once. Clients go on all the while."""
import concurrent.futures
import random
import time

import pytest

from agent import ApiError, eventually
from conftest import needs_agent
from faults import Writer, now_ns, patient, say, short_or_long, stage, story_on
from nets import NetCluster

pytestmark = needs_agent

HEALED_S = 5  # P3: one run of each this soon after the parts see each other again


@pytest.fixture(scope="module")
def five():
    with stage(5, kind=NetCluster, slots=60) as cluster:
        cluster.wait_benches()
        yield cluster


@pytest.fixture
def story(five):
    with story_on(five) as made:
        made.submit_all(made.jobs(30, f"net{time.monotonic_ns() % 100000}"))
        try:
            yield made
        finally:
            five.net.heal()


def apart(story, seconds, parts, clients=True):
    """The network is cut as it has just been told; each of `parts` is a list of agents that go on
    seeing each other."""
    begin = now_ns()
    if clients:
        with Writer(story, parts[0], "here", keep=5), Writer(story, parts[-1], "there", keep=5):
            time.sleep(seconds)
    else:
        time.sleep(seconds)
    for part in parts:
        story.connected(part, begin)


def heal(story, what):
    """Whole again: the available runs first, for that is promised sooner."""
    cluster = story.cluster
    cluster.net.heal()
    begin, whole_ns = time.monotonic(), now_ns() + int(patient(HEALED_S) * 1e9)
    eventually(lambda: max(cluster.counts().values(), default=0) == 1, patient(60),
               "no job runs twice")
    once = time.monotonic() - begin

    def each_available():
        counts = cluster.counts()
        return all(counts[job] == 1 for job, mode in story.wanted.items() if mode == "available")

    eventually(each_available, patient(60), "each available job runs")
    available = time.monotonic() - begin
    story.settle(60)
    settled = time.monotonic() - begin
    cluster.wait_members()
    if now_ns() > whole_ns:
        story.connected(list(cluster), whole_ns)
    say(f"    {what}: healed; no job twice after {once:.1f} s, available ones exactly once after "
        f"{available:.1f} s, exclusive ones too after {settled:.1f} s")
    return once


@pytest.mark.limit(900)
def test_halves(story):
    for seconds in short_or_long([9], [3, 10, 20, 40, 90]):
        five = story.cluster
        five.net.split([0, 1], [2, 3, 4])
        apart(story, seconds, [five[2:], five[:2]])
        assert heal(story, f"halves for {seconds} s") < patient(HEALED_S)
    story.judge("two and three of five cut apart")


def test_one_trouble_after_another(story):
    """Short, and without rest: what the tests below take their time for."""
    five = story.cluster
    troubles = [lambda: five.net.isolate(4), lambda: five.net.cut([0, 1], [2, 3, 4]),
                lambda: five.net.split([0, 1, 2], [2, 3, 4]), lambda: five.net.lose(30)]
    with Writer(story, list(five), "chain", keep=5):
        for trouble in troubles:
            trouble()
            time.sleep(2)
            five.net.heal()
            time.sleep(0.3)
    assert heal(story, "four troubles") < patient(HEALED_S)
    story.judge("isolated, cut one way, bridged, 30 % lost, one after the other")


def try_put(agent, name, side):
    """Somebody on this side makes it; without a quorum of its bench there he is told so."""
    try:
        agent.put(f"/v1/jobs/{name}", {"kind": "service", "exec": ["sleep", "86400"],
                                       "labels": {"side": side}})
        return side
    except (ApiError, OSError):
        return None


def test_one_name_that_two_people_make_is_one_job(story):
    """(c) On both sides of a cut, at the same time."""
    five = story.cluster
    names = [f"twin/{time.monotonic_ns() % 100000}-{k}" for k in range(12)]
    five.net.split([0, 1], [2, 3, 4])
    time.sleep(1)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        here = [pool.submit(try_put, five[k % 2], n, "two") for k, n in enumerate(names)]
        there = [pool.submit(try_put, five[2 + k % 3], n, "three") for k, n in enumerate(names)]
        time.sleep(patient(3))
        five.net.heal()
        made = [{a.result(), b.result()} - {None} for a, b in zip(here, there)]
    assert set().union(*made) == {"two", "three"}, made
    eventually(lambda: all(five.counts()[name] == 1 for name in names), patient(20), "one of each")
    for name, sides in zip(names, made):
        job = five[0].get(f"/v1/jobs/{name}")
        assert not sides or job["spec"]["labels"]["side"] in sides, (job, sides)
        said = eventually(lambda n=name: len(s := {(r["token"], r["pid"]) for r in (
            agent.get(f"/v1/runs/{n}") for agent in five)}) == 1 and s, 5, "all say the same")
        assert {pid for _, pid in said} == {p.pid for p in five.processes() if p.job == name}
    for name in names:
        five[3].delete(f"/v1/jobs/{name}")
    heal(story, "twins")


def test_a_node_that_flaps_moves_nothing_twice(story):
    """(i) Whatever ran there is elsewhere after the first of them, and stays."""
    five = story.cluster
    wanted = [j for j, mode in story.wanted.items() if mode == "available"]
    story.settle(60)
    before = {r["run"]: r["placements"] for r in five[0].runs()}
    on = [{p.job for p in five.processes() if p.node == agent.name} & set(wanted)
          for agent in five]
    flapper = max(range(1, 5), key=lambda k: len(on[k]))
    there = on[flapper]
    assert there, "something runs there"
    pause = short_or_long(0.6, 3)
    for _ in range(10):
        five.net.isolate(flapper)
        time.sleep(pause)
        five.net.heal()
        time.sleep(pause / 2)
    heal(story, "ten flaps")
    after = {r["run"]: r["placements"] for r in five[0].runs()}
    moved = {job: after[job] - before[job] for job in wanted if after[job] != before[job]}
    say(f"    ten flaps: {len(moved)} of {len(there)} runs moved")
    assert set(moved) <= there and set(moved.values()) <= {1}, (moved, there)


@pytest.mark.soak
@pytest.mark.limit(900)
def test_one_is_isolated(story):
    for seconds in [2, 4, 8, 16, 40]:
        for k in [0, 4]:
            five = story.cluster
            five.net.isolate(k)
            apart(story, seconds, [[a for a in five if a is not five[k]], [five[k]]])
            assert heal(story, f"one isolated for {seconds} s") < patient(HEALED_S)
    story.judge("one of five isolated")


@pytest.mark.soak
@pytest.mark.limit(900)
def test_what_is_cut_in_one_direction_only(story):
    """Nobody can say who is connected here; what is promised is that it ends well, and that
    exclusive runs never overlap."""
    for seconds in [2, 5, 10, 30]:
        five = story.cluster
        five.net.cut([0, 1], [2, 3, 4])
        apart(story, seconds, [five[2:], five[:2]])
        assert heal(story, f"one way for {seconds} s") < patient(HEALED_S)
    story.judge("cut in one direction")


@pytest.mark.soak
@pytest.mark.limit(900)
def test_a_bridge_between_two_parts(story):
    """Node 2 sees both sides, which do not see each other."""
    for seconds in [5, 15, 40]:
        five = story.cluster
        five.net.split([0, 1, 2], [2, 3, 4])
        apart(story, seconds, [[five[0], five[1]], [five[3], five[4]]])
        assert heal(story, f"a bridge for {seconds} s") < patient(HEALED_S)
    story.judge("two parts and a bridge")


@pytest.mark.soak
@pytest.mark.limit(900)
def test_cuts_that_come_and_go(story):
    luck, five = random.Random(7), story.cluster
    until = time.monotonic() + 180
    cuts = 0
    with Writer(story, list(five), "flap", keep=5):
        while time.monotonic() < until:
            hosts = luck.sample(range(5), 5)
            side = luck.randrange(1, 5)
            luck.choice([five.net.split, five.net.cut])(hosts[:side], hosts[side:])
            time.sleep(luck.choice([0.1, 0.5, 1.5]))
            five.net.heal()
            time.sleep(luck.choice([0.05, 0.3, 1]))
            cuts += 1
    assert heal(story, f"{cuts} cuts") < patient(HEALED_S)
    story.judge(f"{cuts} cuts that came and went")


@pytest.mark.soak
@pytest.mark.parametrize("percent", [5, 30, 80])
def test_packets_are_lost(story, percent):
    five = story.cluster
    five.net.lose(percent)
    apart(story, 60, [list(five)], clients=True)
    story.parts.clear()  # nobody knows who was connected
    assert heal(story, f"{percent} % lost") < patient(HEALED_S)
    story.judge(f"{percent} % of packets lost")
