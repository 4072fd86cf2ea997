# SPDX-License-Identifier: Apache-2.0
"""Clocks that lie: a wall clock that steps by an hour changes nothing, for nothing is ordered by
it; clocks that run too fast or too slow end exclusive runs rather than let two overlap. The
histories are written by jobs that nothing is preloaded into."""
import datetime
import glob
import os
import re
import signal
import time

import pytest

from agent import BUILD, eventually, holds
from conftest import needs_agent
from faults import SOAK, Story, cannot, say, short_or_long

pytestmark = needs_agent


DRIFT = os.path.join(BUILD, "kit", "drift.so")


def may_preload():
    if os.environ.get("MUSTER_MODE") in ("asan", "tsan"):
        cannot("preloads no clock into a sanitized agent")


def library():
    may_preload()
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        cannot("has no libfaketime, so its clocks tell the truth")
    return found[0]


def lie(cluster, k, words):
    """What agent k is told of the wall clock from now on: "+0", "-3600"."""
    path = os.path.join(cluster.folder, f"clock-{k}")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(words + "\n")
    os.rename(path + ".new", path)


def liars(clusters, size):
    """Agents that are down, and will believe what lie() tells them."""
    preload, c = library(), clusters(size, slots=30, start=False)
    for k, agent in enumerate(c):
        lie(c, k, "+0")
        agent.program = ["/usr/bin/env", f"LD_PRELOAD={preload}", "FAKETIME_NO_CACHE=1",
                         f"FAKETIME_TIMESTAMP_FILE={c.folder}/clock-{k}",
                         "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1", *agent.program]
    return c


def it_is(cluster, at):
    """From now on, for every agent: seconds since 1970."""
    for k in range(len(cluster.agents)):
        lie(cluster, k, f"{at - int(time.time()):+d}")


def wall(agent):
    """The wall clock as the agent has it, in seconds off ours."""
    agent.send(signal.SIGUSR1)  # it says something, and when
    time.sleep(0.1)
    said = [line for line in agent.log(40).splitlines() if re.match(r"\d{4}-.*Z ", line)][-1]
    at = datetime.datetime.fromisoformat(said.split()[0].replace("Z", "+00:00"))
    return at.timestamp() - time.time()


def identities(story):
    return {p.job: (p.pid, p.token) for p in story.cluster.processes() if p.job in story.wanted}


@pytest.mark.limit(600)
def test_a_wall_clock_that_steps_by_an_hour_changes_nothing(clusters):
    c = liars(clusters, 3)
    c.start()
    c.wait_benches()
    story = Story(c)
    story.submit_all(story.jobs(20))
    before = identities(story)
    steps = [(0, "+3600"), (1, "-3600"), (0, "-3600"), (2, "+3600"), (1, "+0"), (0, "+0")]
    for k, words in steps if SOAK else steps[:3]:
        lie(c, k, words)
        assert abs(wall(c[k]) - int(words)) < 5, "the lie is not believed"
        holds(lambda: identities(story) == before, short_or_long(1.5, 15), "nothing moves")
    story.submit_all(story.jobs(6, "later"))
    # A back-off is written down in wall time; the longest is a minute, whatever the clocks say.
    story.submit(c[0], "restless", "available", "for", 200, backoff={"first": "1s", "max": "2s"})
    eventually(lambda: "restless" in c.counts(), 10, "it runs")
    for k in range(3):
        lie(c, k, "-7200")
    eventually(lambda: len(attempts(story, "restless")) >= short_or_long(2, 5), 20,
               "and is started again and again")
    story.delete(c[0], "restless")
    if SOAK:
        c[1].kill9()
        c[1].start()
        c.wait_members()
    story.judge("wall clocks stepped by an hour", settle=40)


def moment(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


def ticks_of(path):
    return path.read_text().split() if path.exists() else []


# The first moment of a day in Berlin as the world counts, and how many hours it has.
DAYS = (("spring", "2026-03-28T23:00:00", 23), ("autumn", "2026-10-24T22:00:00", 25))


def test_both_days_on_which_berlin_changes_its_clocks(clusters, tmp_path):
    """(f) Once at 02:30, which is not there or twice, and once in each hour."""
    c = liars(clusters, 1)
    it_is(c, moment(DAYS[0][1]) - 60)
    c.start()
    for season, midnight, hours in DAYS:
        first, daily, hourly = moment(midnight), tmp_path / f"{season}-d", tmp_path / f"{season}-h"
        wanted = [time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(first + 3600 * hour))
                  for hour in range(hours)]
        it_is(c, first - 60)
        for name, cron, seen in (("daily", "30 2 * * *", daily), ("hourly", "0 * * * *", hourly)):
            c[0].put(f"/v1/jobs/{season}/{name}",
                     {"kind": "cron", "cron": cron, "tz": "Europe/Berlin", "missed": "all",
                      "catchup": "2d", "overlap": "allow", "shell": f"echo $MUSTER_TICK >>{seen}"})
        # The night by half hours, or the change itself; then all that was missed.
        for half in short_or_long([6], range(2, 11)):
            it_is(c, first + 1800 * half - 1)
            time.sleep(0.1)
            eventually(lambda h=half: sorted(ticks_of(hourly)) == wanted[:h // 2 + 1], 5,
                       "each hour")
        it_is(c, first + 3600 * hours - 30)
        eventually(lambda: len(ticks_of(hourly)) >= hours, 10, f"{hours} hours")
        holds(lambda: sorted(ticks_of(hourly)) == wanted, 0.5, "each once")
        day = (datetime.datetime.fromisoformat(tick.replace("Z", "+00:00")).timestamp() - first
               for tick in ticks_of(daily))
        assert [0 < at < 3600 * hours for at in day] == [True], ticks_of(daily)
        for name in ("daily", "hourly"):
            c[0].delete(f"/v1/jobs/{season}/{name}")


def test_of_three_days_off_a_minutely_job_makes_up_with_one_run(clusters, tmp_path):
    """(g) The rest is counted, and the next minute is run as ever."""
    c, seen = liars(clusters, 3), tmp_path / "ticks"
    noon = moment("2026-06-01T12:00:00")
    it_is(c, noon + 58)
    c.start()
    c[0].put("/v1/jobs/minutely", {"kind": "cron", "cron": "* * * * *",
                                   "shell": f"echo $MUSTER_TICK >>{seen}"})
    eventually(lambda: ticks_of(seen) == ["2026-06-01T12:01:00Z"], 20, "its first minute")
    eventually(lambda: [r["state"] for r in c[0].runs()] == ["done"], 10, "that has ended")
    for agent in c:
        agent.kill9()
    it_is(c, noon + 3 * 86400 + 30)
    c.start()
    both = ["2026-06-01T12:01:00Z", "2026-06-04T12:00:00Z"]
    eventually(lambda: ticks_of(seen) == both, 20, "one run for three days")
    holds(lambda: ticks_of(seen) == both, 2, "and no other")
    clock = c[1].get("/v1/jobs/minutely")["clock"]
    assert clock["skipped"] == 3 * 1440 - 2, clock
    it_is(c, noon + 3 * 86400 + 59)
    eventually(lambda: ticks_of(seen) == [*both, "2026-06-04T12:01:00Z"], 10, "the next minute")


def attempts(story, job):
    with open(story.path, encoding="ascii") as file:
        return [line for line in file if line.split()[8] == job]


@pytest.mark.limit(900)
def test_clocks_that_run_too_fast_and_too_slow(clusters):
    may_preload()
    c, base = clusters(5, slots=30, start=False), time.monotonic_ns()
    for k, passes in ((1, 105), (2, 95)):
        c[k].program = ["/usr/bin/env", f"LD_PRELOAD={DRIFT}", f"DRIFT={passes} 100 {base}",
                        *c[k].program]
    c.start()
    c.wait_benches()
    story = Story(c)
    story.submit_all(story.jobs(20))
    time.sleep(short_or_long(3, 150))
    alarms = [agent.name for agent in c if "clock" in str(agent.get("/v1/status")["problems"])]
    say(f"    rates of 1.05 and 0.95 among five: {len(alarms)} agents complain of clocks")
    if SOAK:
        assert alarms, "a rate of five percent is noticed within two minutes"
        for job in [job for job, mode in story.wanted.items() if mode == "exclusive"]:
            story.delete(c[0], job)
        c[1].kill9()
        story.settle(60)
        c[1].start()
        c.wait_members()
    story.judge("clocks with rates of five percent", settle=60)
