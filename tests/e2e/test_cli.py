# SPDX-License-Identifier: Apache-2.0
"""The command line, verb by verb, against made-up answers: what it asks, what it prints, how it
ends."""
import json
import os
import re
import shutil
import stat
import subprocess

import pytest

from cli_kit import MUSTER, Done, api, environment, muster  # noqa: F401 (api is a fixture)

VERBS = (
    "agent init version members status join leave run apply check ls ps show stop start restart rm "
    "runs wait logs events where why drain completion health help"
).split()


# ---- what people read


def test_members_closes_with_a_sentence(api):
    assert muster(api, "members") == Done(
        0,
        """\
NODE     ADDRESS         STATUS  MODE  SLOTS  USED  TAGS               VERSION
alpha    10.0.0.11:7946  alive   open     10     7  rack=a net=public  0.1.0
bravo    10.0.0.12:7946  alive   open     20    13  rack=a gpu=2       0.1.0
charlie  10.0.0.13:7946  alive   open     10     5  rack=b net=public  0.1.0
3 members, 40 slots, 25 used, 1 waiting. This node: alpha.
""",
        "",
    )
    assert muster(api, "node", "ls").out == muster(api, "members").out


def test_members_are_listed_by_name(api):
    api.members.reverse()
    rows = muster(api, "members").out.splitlines()[1:-1]
    assert [row.split()[0] for row in rows] == sorted(m["name"] for m in api.members)


def test_members_tells_who_is_in_trouble(api):
    api.members = [
        dict(api.members[0]),
        dict(api.members[1], status="suspect"),
        dict(api.members[2], status="dead"),
    ]
    assert muster(api, "members").out.endswith(
        "2 members (1 suspect), 1 dead, 30 slots, 20 used, 1 waiting. This node: alpha.\n"
    )


def test_top_is_a_page_of_nodes_and_runs_and_the_unwell_come_first(api):
    done = muster(api, "top", "--once")
    assert done == muster(api, "top") and done.code == 0, done  # no terminal here
    assert done.out.startswith("3 nodes, 25 of 40 slots used\n\nNODE     STATUS  MODE  USED  SLOTS")
    states = [line.split()[2] for line in done.out.partition("\nRUN ")[2].splitlines()[1:]]
    assert "running" in states and states.index("running") > 0, done.out
    assert set(states[states.index("running"):]) == {"running"}, done.out


def test_ps_shows_what_runs_and_what_is_dead(api):
    done = muster(api, "ps")
    rows = [line.split("  ") for line in done.out.splitlines()]
    assert done.code == 0
    assert rows[0][0] == "RUN" and rows[0][-1] == "NOTE"
    assert [row[0] for row in rows[1:]] == [
        "market/ticker",
        "billing/nightly@01:00Z",
        "mail/outbox",
        "report/2025-q3",
        "batch/bad",
        "batch/killed",
    ]
    lines = done.out.splitlines()
    assert lines[1].endswith("  ready in 0.8s")
    assert lines[3].endswith("  exit 1; again in 2s (local try 2 of 3)")
    assert "  pending  -        2h " in lines[4]
    assert "old/service" in muster(api, "ps", "-a").out


def test_ps_says_how_long_a_backoff_lasts_when_the_agent_does_not(api):
    run = api.state.jobs["mail/outbox"]["run"]
    run["reason"], run["not_before"] = None, run["since"].replace("2", "3", 1)
    assert "exit 1; again in " in muster(api, "ps").out


def test_ps_passes_its_filters_on(api):
    muster(api, "ps", "--job", "a/b", "--node", "bravo", "--state", "done", "--limit", "7")
    asked = [seen for seen in api.seen if seen.path == "/v1/runs"]
    assert asked[-1].query == {"job": "a/b", "node": "bravo", "state": "done", "limit": "7"}


def test_why_explains(api):
    done = muster(api, "why", "report/2025-q3")
    assert done == Done(
        0,
        """\
pending for 2h: no free slot; needs 8, on tag.gpu
  1 bravo    matches, 7 of 20 slots free
  2 alpha    no: tag.gpu missing
  3 charlie  no: tag.gpu missing
""",
        "",
    )


def test_where_names_the_keeper(api):
    out = muster(api, "where", "market/ticker").out
    assert re.match(r"market/ticker is running on charlie for \d+s\n", out)
    assert "  seat 2  bravo, the keeper\n" in out
    assert out.endswith("in order of preference: charlie, alpha, bravo\n")
    assert "has no node" in muster(api, "where", "report/2025-q3").out


def test_status_names_problems(api):
    assert (
        muster(api, "status").out
        == """\
node       alpha (id-of-alpha)
state      joined, up for 2h1m
cluster    c0ffee
members    3 alive, 1 dead
slots      7 of 10 used here, 25 of 40 in the cluster
runs       8 here
jobs       8 stored here, keeper of 43 buckets with 1 waiting for a place
version    0.1.0
problems   the disk is 91% full
"""
    )
    api.state.orphans = 2
    assert "           2 buckets have no keeper now\n" in muster(api, "status").out


def test_show_tells_everything_of_a_job(api):
    out = muster(api, "show", "batch/bad").out
    for words in (
        "job        batch/bad",
        "state      dead for",
        "last exit  exit 3",
        "  env            LEVEL=3",
        '  exec           ["/opt/batch/bad", "--fast"]',
    ):
        assert words in out
    assert "ATTEMPT  NODE" in muster(api, "show", "market/ticker").out
    api.state.jobs["batch/bad"]["spec"]["shell"] = "one\n\ttwo\x1b\n"
    out = muster(api, "show", "batch/bad").out
    assert "\n  shell          one\n                 \ttwo\\x1b\n" in out
    out = muster(api, "dead", "show", "batch/bad").out
    assert "\n\noutput of its last attempt\n" in out


def test_show_finds_a_run_that_is_no_job(api):
    out = muster(api, "show", "billing/nightly@01:00Z").out
    assert out.startswith("run        billing/nightly@01:00Z of job billing/nightly\n")


def test_node_show_lists_its_runs(api):
    out = muster(api, "node", "show", "bravo").out
    assert "slots      13 of 20 used" in out and "batch/good" in out


def test_runs_says_how_each_ended(api):
    assert "exit 3" in muster(api, "runs", "batch/bad").out
    assert "killed by signal 9" in muster(api, "runs", "batch/killed").out
    api.state.jobs["batch/bad"]["run"]["reason"] = "exit 3"
    assert muster(api, "runs", "batch/bad").out.count("exit 3") == 1, "said once"
    api.state.jobs["none"] = dict(api.state.jobs["batch/bad"], name="none", run=None)
    assert muster(api, "runs", "none").out == "No runs of none.\n"
    done = muster(api, "runs", "nobody")
    assert done.code == 3 and "nobody" in done.err and done.out == "", done


def test_ls_lists_by_prefix_and_names_only(api):
    assert muster(api, "ls", "-q", "batch/").out == "batch/good\nbatch/bad\nbatch/killed\n"
    assert api.seen[-1].query["prefix"] == "batch/"
    muster(api, "ls", "--label", "team=x", "--state", "dead")
    assert (api.seen[-1].query["label"], api.seen[-1].query["state"]) == ("team=x", "dead")
    assert muster(api, "ls", "nothing/").out == "No jobs.\n"


def test_lists_are_read_to_their_last_page(api):
    one = api.state.jobs["old/service"]
    for n in range(2500):
        api.state.jobs[f"many/{n:04d}"] = dict(one, name=f"many/{n:04d}", run=None)
    names = muster(api, "ls", "-q", "many/").out.splitlines()
    assert names == [f"many/{n:04d}" for n in range(2500)]
    assert len(muster(api, "ls", "-q", "--limit", "1200").out.splitlines()) == 1200


# ---- --json passes the API's words through


@pytest.mark.parametrize(
    "words,path",
    [
        (["members"], "/v1/members"),
        (["status"], "/v1/status"),
        (["ls"], "/v1/jobs"),
        (["ps"], "/v1/runs"),
        (["node", "show", "bravo"], "/v1/nodes/bravo"),
        (["show", "batch/bad"], "/v1/jobs/batch/bad"),
        (["runs", "batch/bad"], "/v1/runs"),
        (["why", "batch/bad"], "/v1/why/batch/bad"),
        (["where", "batch/bad"], "/v1/place/batch/bad"),
        (["health"], "/health"),
        (["wait", "batch/good"], "/v1/jobs/batch/good"),
    ],
    ids=lambda w: " ".join(w) if isinstance(w, list) else "",
)
def test_json_is_what_the_api_said(api, words, path):
    done = muster(api, *words, "--json")
    assert done.code == 0 and done.err == ""
    assert [seen.path for seen in api.seen] == [path]
    query = "&".join(f"{k}={v}" for k, v in api.seen[0].query.items())
    raw = subprocess.run(
        ["curl", "-s", "--unix-socket", api.socket, f"http://x{path}?{query}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    # Times tell when the question was asked.
    def stable(text):
        return {
            k: v
            for k, v in json.loads(text).items()
            if k not in ("items", "since", "run", "runs", "created", "modified")
        }

    assert stable(done.out) == stable(raw)


def test_json_may_stand_before_the_verb_and_comes_page_by_page(api):
    for n in range(1500):
        api.state.jobs[f"many/{n}"] = dict(
            api.state.jobs["old/service"], name=f"many/{n}", run=None
        )
    pages = muster(api, "--json", "ls", "many/").out.splitlines()
    assert [len(json.loads(page)["items"]) for page in pages] == [1000, 500]


# ---- health, version, agent


@pytest.mark.parametrize(
    "status,health,code", [(200, "ok", 0), (200, "warning", 1), (503, "critical", 2)]
)
def test_health_is_an_exit_code(api, status, health, code):
    api.state.health = (status, {"status": health, "reasons": ["the disk is full"] if code else []})
    done = muster(api, "health")
    assert done.code == code and done.out == health + "\n" + (
        "  the disk is full\n" if code else ""
    )


def test_health_of_nobody(api):
    assert muster(None, "health", "--addr", "/nowhere.sock").code == 3


def test_version_with_and_without_an_agent(api):
    assert muster(api, "version").out == "muster 0.1.0\nagent  0.1.0 on alpha\n"
    assert json.loads(muster(api, "version", "--json").out) == {"muster": "0.1.0", "agent": "0.1.0"}
    alone = muster(None, "version", "--addr", "/nowhere.sock")
    assert alone == muster(None, "--version") == Done(0, "muster 0.1.0\n", "")
    assert (
        json.loads(muster(None, "version", "--json", "--addr", "/nowhere.sock").out)["agent"]
        is None
    )


def fake_agent(folder, words):
    path = os.path.join(folder, "muster-agent")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho {words} "$0" "$@"\nexit 9\n')
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def test_agent_starts_the_one_beside_it_then_that_in_path(tmp_path):
    beside, in_path = tmp_path / "beside", tmp_path / "path"
    beside.mkdir(), in_path.mkdir()
    shutil.copy(MUSTER, beside / "muster")
    env = environment(None, PATH=f"{in_path}:/usr/bin:/bin")

    def start():
        return subprocess.run(
            [beside / "muster", "agent", "--dev", "--help"],
            capture_output=True,
            text=True,
            env=env,
            check=False,
        )

    nobody = start()
    assert nobody.returncode == 1 and "cannot start muster-agent" in nobody.stderr
    fake_agent(in_path, "PATH")
    assert start().stdout.startswith("PATH ") and start().returncode == 9
    fake_agent(beside, "BESIDE")
    assert start().stdout.startswith("BESIDE ") and start().stdout.endswith("--dev --help\n")


# ---- help


def test_help_knows_every_verb():
    alone = muster(None)
    assert alone.code == 0 and alone == muster(None, "help") == muster(None, "--help")
    listed = [line.split()[0] for line in alone.out.splitlines() if line.startswith("  ")]
    assert set(VERBS) <= set(listed)
    groups = [line for line in alone.out.split("\n\n")[1:] if line.count("\n") > 0]
    assert len({text.split("\n")[0] for text in groups}) == len(groups), "each group once"
    whole = {verb for line in alone.out.splitlines() if line.startswith("  ")
             for verb in [re.match(r"  ((?:node|keys|tls (?:ca|cert)|token|dead|payload) [a-z]+|"
                                   r"[a-z-]+) ", line)[1]]}
    for verb in VERBS:
        if verb != "agent":
            shown = muster(None, verb, "--help")
            assert shown == muster(None, "help", verb)
            assert shown.code == 0 and shown.out.startswith(f"usage: muster {verb}")
    assert muster(None, "help", "node", "show").out.startswith("usage: muster node show NAME\n")
    for words in ({verb.split()[0] for verb in whole if " " in verb} | {"tls cert"}):
        shown = muster(None, "help", *words.split())
        assert shown == muster(None, *words.split(), "--help") and shown.code == 0
        for verb in whole:
            assert (f"\n  {verb} " in shown.out) == verb.startswith(words + " "), (words, verb)
    assert muster(None, "job", "stop", "-h").out.startswith("usage: muster stop ")
