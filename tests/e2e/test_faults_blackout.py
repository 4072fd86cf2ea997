# SPDX-License-Identifier: Apache-2.0
"""All agents lose power at once, while clients are waiting for answers, and come back one after the
other: what was acknowledged is there, once, and nothing that was deleted."""
import random
import time

import pytest

from agent import eventually
from conftest import needs_agent
from faults import Story, Writer, patient, say, short_or_long

pytestmark = needs_agent

ROUNDS = short_or_long(1, 10)


@pytest.mark.limit(120 + ROUNDS * 90)
def test_seven_agents_lose_power_at_once_and_return_one_by_one(clusters):
    c, luck = clusters(7, slots=30), random.Random(0xB1AC)
    c.wait_benches()
    story = Story(c)
    story.submit_all(story.jobs(70))
    for turn in range(ROUNDS):
        with Writer(story, list(c), f"late{turn}", seed=turn):
            time.sleep(1)
            for agent in c:
                agent.send(9)
            for agent in c:
                agent.process.wait(10)
            eventually(lambda: not c.processes(), patient(6), "no job outlives its agent")
            order = luck.sample(list(c), 7)
            for agent in order:
                agent.start(wait=False)
                time.sleep(luck.choice([0, 0.3, short_or_long(0.6, 5)]))
        begin = time.monotonic()
        c.wait_members(30)
        story.settle(90)
        say(f"    seven agents back: all well {time.monotonic() - begin:.1f} s after the last one")
    story.judge(f"{ROUNDS} blackouts of seven")
