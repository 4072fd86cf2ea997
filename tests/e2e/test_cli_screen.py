# SPDX-License-Identifier: Apache-2.0
"""The command line in front of a person: streams, terminals of any width, colours, completion."""
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from agent import PATIENCE
from cli_kit import (
    MUSTER,
    Done,
    api,
    environment,
    muster,
    on_terminal,
)  # noqa: F401 (api is a fixture)
from fake_api import EVENTS, LOG

PLAIN = re.compile(r"\x1b\[[0-9;]*[mK]|\x1b\(B")


def follow(api, *words):
    return subprocess.Popen(
        [MUSTER, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(api),
    )


# ---- streams


def test_logs_in_order_as_they_were_written(api):
    assert muster(api, "logs", "batch/good") == Done(
        0, "".join(one["text"] + "\n" for one in LOG), ""
    )
    seen = api.seen[-1]
    assert (seen.path, seen.query, seen.headers["Accept"]) == (
        "/v1/runs/batch/good/logs",
        {},
        "application/x-ndjson",
    )


def test_logs_ask_for_what_was_wanted(api):
    muster(api, "logs", "batch/good", "-fn2", "--attempt", "3", "--offset", "7")
    assert api.seen[-1].query == {"follow": "1", "lines": "2", "attempt": "3", "offset": "7"}
    assert (
        muster(api, "logs", "batch/good", "--stderr", "-t").out
        == "2026-03-28T01:00:00.100Z  a complaint\n"
    )
    assert api.seen[-1].query == {"stream": "stderr"}
    muster(api, "logs", "batch/good", "--stderr", "--stdout")
    assert api.seen[-1].query == {}


def test_followed_lines_come_at_once(api):
    with follow(api, "logs", "-f", "market/ticker") as process:
        began = time.monotonic()
        assert process.stdout.readline() == "first line\n"
        assert time.monotonic() - began < 5 * PATIENCE
        assert process.poll() is None
        api.released.set()
        assert process.wait(10 * PATIENCE) == 0


def test_logs_of_what_has_none_say_what_there_is(api):
    done = muster(api, "logs", "nobody")
    assert done.code == 3 and "no job or run named nobody" in done.err, done
    job = api.state.jobs["billing/nightly"]
    api.state.jobs["other"] = dict(job, run=dict(job["run"], job="clock", run="clock@01:00Z"))
    done = muster(api, "logs", "clock")
    assert done.code == 3 and "output of their own, such as clock@01:00Z; " in done.err, done
    assert len(done.err.splitlines()) == 1


def test_logs_that_break_off_say_so(api):
    done = muster(api, "logs", "mail/outbox")
    assert done.code == 5 and done.out.startswith("first line\n")
    assert "broke off" in done.err and len(done.err.splitlines()) == 1


def test_events_and_how_they_go_on(api):
    done = muster(api, "events")
    assert done == Done(
        0,
        "2026-03-28T01:00:00.000Z  bravo     member.alive    joined\n"
        "2026-03-28T01:00:01.500Z  charlie   run.started     market/ticker  attempt 1\n",
        "",
    )
    assert api.seen[-1].query == {"follow": "0"}
    assert len(muster(api, "events", "--since", "41").out.splitlines()) == 1
    assert len(muster(api, "events", "-n", "1").out.splitlines()) == 1
    with follow(api, "events", "-f", "--json") as process:
        assert [json.loads(process.stdout.readline()) for _ in EVENTS] == EVENTS
        api.released.set()
        assert process.wait(10 * PATIENCE) == 5
        assert "ended its events" in process.stderr.read()
    assert api.seen[-1].query == {}


def test_json_of_streams_is_what_came(api):
    done = muster(api, "logs", "--json", "batch/good")
    assert [json.loads(line) for line in done.out.splitlines()] == LOG


def test_a_reader_that_leaves_ends_the_stream(api):
    with follow(api, "logs", "-f", "market/ticker") as process:
        process.stdout.readline()
        process.stdout.close()
        api.released.set()
        assert process.wait(10 * PATIENCE) is not None


# ---- terminals


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
@pytest.mark.parametrize(
    "words", [["members"], ["ps", "-a"], ["ls"], ["runs", "batch/bad"]], ids=lambda w: w[0]
)
def test_tables_fit_the_terminal(api, words, columns):
    api.state.jobs["batch/good"]["run"]["note"] = "ein sehr langer Satz über Größe " * 9
    api.state.jobs["batch/good"]["run"]["run"] = "a-name/that-goes-on/" * 8
    shown = on_terminal(api, *words, columns=columns, env={"NO_COLOR": "1"})
    lines = [line.rstrip() for line in shown.out.splitlines() if "This node:" not in line]
    assert shown.code == 0
    assert all(len(line) <= columns for line in lines) or columns == 30
    names = [line.split()[0] for line in lines[1:]]
    assert names[0].startswith(("alpha", "market/ticker", "batch/bad"))
    if columns == 200:
        plain = muster(api, *words).out.splitlines()
        assert plain[0].split() == lines[0].split()


def test_what_is_cut_is_marked_and_names_stay_longest(api):
    wide = on_terminal(api, "ps", columns=200, env={"NO_COLOR": "1"}).out
    narrow = on_terminal(api, "ps", columns=60, env={"NO_COLOR": "1"}).out
    middle = on_terminal(api, "ps", columns=90, env={"NO_COLOR": "1"}).out
    assert "…" not in wide
    assert "billing/nightly@01:00Z " in middle and "…" in middle
    assert "mail/outbox " in narrow and re.search("exit 1; again in .*…$", narrow, re.M)
    assert "ATT" not in narrow and "KIND" not in narrow and "STATE" in narrow


def test_columns_of_the_environment_win(api):
    shown = on_terminal(api, "ps", columns=200, env={"NO_COLOR": "1", "COLUMNS": "60"})
    assert max(len(line) for line in shown.out.splitlines()) <= 60


def test_nothing_is_cut_without_a_terminal(api):
    done = muster(api, "ps", env={"COLUMNS": "40"})
    assert "exit 1; again in 2s (local try 2 of 3)" in done.out


def test_colours_only_where_they_are_wanted(api):
    assert "\x1b[32mrunning" in on_terminal(api, "ps").out
    assert (
        PLAIN.sub("", on_terminal(api, "ps").out)
        == on_terminal(api, "ps", env={"NO_COLOR": "1"}).out
    )
    for words in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(api, "ps", env=words).out
    assert "\x1b" not in muster(api, "ps").out


def test_strangers_do_not_move_the_cursor(api):
    api.members = [dict(api.members[0], tags={"x": "\x1b[2J\x9b\r\n"})]
    api.state.jobs["mail/outbox"]["run"]["reason"] = "tab\there\x07"
    for shown in (on_terminal(api, "members", env={"NO_COLOR": "1"}), muster(api, "members")):
        assert "\x1b" not in shown.out and "\x9b" not in shown.out and "\\x1b[2J" in shown.out
    assert "tab here\\x07" in muster(api, "ps").out
    assert "\\x1b]0;evil\\x07" in on_terminal(api, "logs", "batch/good").out
    assert "\x1b]0;evil\x07" in muster(api, "logs", "batch/good").out  # files get what was written
    api.state.jobs["bad\x1b[2J"] = api.state.jobs["batch/bad"]
    assert "\x1b" not in muster(api, "wait", "bad\x1b[2J").err


def test_other_languages_in_any_locale(api):
    for env in ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "nowhere"}):
        assert "Grüße" in on_terminal(api, "logs", "batch/good", env=env).out
        api.state.jobs["batch/bad"]["run"]["reason"] = "größer"
        assert "größer" in on_terminal(api, "ps", env=env).out


def test_progress_is_shown_and_wiped(api):
    shown = on_terminal(api, "run", "--wait", "--name", "x", "--", "x").out
    assert "\r\x1b[K0s: x is running" in shown
    assert "\r\x1b[Kfirst line\n" in shown
    assert shown.endswith("\nx  done on bravo, exit 0\n")
    assert "\x1b" not in muster(api, "run", "--wait", "--name", "y", "--", "x").err


def test_a_progress_line_never_wraps(api):
    words = ("wait", "mail/outbox", "--for", "done", "--timeout", "200ms")
    shown = on_terminal(api, *words, columns=40).out
    progress = shown.split("\r\x1b[K")[1]
    assert progress.startswith("0s: mail/outbox is backoff: ") and progress.endswith("…")
    assert len(progress) == 39


# ---- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_parses(tmp_path, shell):
    done = muster(None, "completion", shell)
    script = tmp_path / "script"
    script.write_text(done.out)
    assert done.code == 0 and "muster" in done.out
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)


def complete(api, tmp_path, line):
    """What bash offers at the end of this line."""
    (tmp_path / "script").write_text(muster(None, "completion", "bash").out)
    words = line.split(" ")
    program = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _muster "$1" '
        '"${COMP_WORDS[COMP_CWORD]}"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program, "-", tmp_path / "script", *words],
        capture_output=True,
        text=True,
        check=True,
        env=environment(api, PATH=os.path.dirname(MUSTER) + ":/usr/bin:/bin"),
    )
    assert done.stderr == ""
    return [word for word in done.stdout.split("\n") if word]


@pytest.mark.parametrize(
    "line,offers",
    [
        ("muster mem", ["members"]),
        ("muster no", ["node", "notify"]),
        ("muster n", ["node", "notify", "next"]),
        ("muster node s", ["show", "slots"]),
        ("muster node show br", ["bravo"]),
        ("muster show batch/", ["batch/good", "batch/bad", "batch/killed"]),
        ("muster run --prio", ["--priority"]),
        ("muster run --kind ", ["service", "task", "cron", "daemon"]),
        ("muster ps --job mail", ["mail/outbox"]),
        ("muster ps --node c", ["charlie"]),
        ("muster completion f", ["fish"]),
        ("muster --addr /x wait --for st", ["starting", "stopping", "stopped"]),
        ("muster help ev", ["events"]),
        ("muster status --j", ["--json"]),
        ("muster status x", []),
    ],
    ids=str,
)
def test_bash_offers(api, tmp_path, line, offers):
    assert complete(api, tmp_path, line) == offers
