# SPDX-License-Identifier: Apache-2.0
"""Metrics: named as Prometheus wants them, and true."""
import re
import subprocess

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent


def metrics(agent):
    """Series to value, and the text they came in."""
    reply = agent.request("GET", "/metrics")
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/plain"), reply
    text = reply.body.decode()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}, text


def test_promtool_accepts_every_name_and_type(clusters):
    c = clusters(1, slots=4)
    c[0].submit("one")
    c.wait_once({"one"}, 10)
    values, text = metrics(c[0])
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stdout + done.stderr
    names = {re.split(r"[{ ]", series)[0] for series in values}
    assert all(name.startswith("muster_") for name in names), names
    assert len(names) >= 12 and "muster_build_info" in names, names


def test_counts_follow_what_happens(clusters):
    """Some series must rise with a submit and a kill; which one is called how, the list says."""
    c = clusters(2, slots=4)
    before, _ = metrics(c[0])
    for i in range(3):
        c[0].submit(f"svc/{i}")
    c.wait_once({f"svc/{i}" for i in range(3)}, 10)

    def rose():
        now, _ = metrics(c[0])
        return {name for name in now if now[name] > before.get(name, 0)}

    eventually(lambda: len([name for name in rose() if "_total" in name]) >= 2, 5, "totals rise")
