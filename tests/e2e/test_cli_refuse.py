# SPDX-License-Identifier: Apache-2.0
"""The command line when something is wrong: one sentence that says what, where and what next, and
an exit code that scripts can use."""
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from cli_kit import MUSTER, Done, api, environment, muster  # noqa: F401 (api is a fixture)


@pytest.mark.parametrize(
    "words,code,sentence",
    [
        (["show", "none"], 3, "there is no job \"none\"; 'muster ls' lists the jobs"),
        (
            ["node", "show", "none"],
            3,
            "there is no node \"none\"; 'muster members' lists the nodes",
        ),
        (["logs", "none"], 3,
         "there is no job or run named none; 'muster ps --all' lists the runs"),
        (
            ["stop", "trouble/quorum"],
            7,
            "trouble/quorum: 2 of 3 seats of its bench do not answer; 'muster where NAME' "
            "shows which nodes have to answer",
        ),
        (
            ["rm", "trouble/denied"],
            8,
            "trouble/denied: this user may only read; ask as root or as a member of the "
            "group muster",
        ),
        (["why", "trouble/advice"], 3, "no such thing; ask somebody else"),
        (
            ["run", "--name", "trouble/field", "x"],
            2,
            "trouble/field: spread: expected one, each or a number",
        ),
        (
            ["show", "odd/words"],
            1,
            "what answers at {addr} is not the API of an agent; check --addr",
        ),
        (
            ["show", "odd/html"],
            1,
            "the agent at {addr} answered 500 without saying why; look at its log",
        ),
        (
            ["show", "odd/breaks"],
            5,
            "the agent at {addr} broke off (Empty reply from server); try again, and look at "
            "its log",
        ),
        (
            ["ls", "--addr", "/nowhere.sock"],
            5,
            "no agent answers at /nowhere.sock (No such file or directory); start "
            "one with 'muster agent', or name another with --addr",
        ),
        (
            ["ls", "--addr", "http://127.0.7.1:9"],
            5,
            "no agent answers at http://127.0.7.1:9 (Connection refused); "
            "start one with 'muster agent', or name another with --addr",
        ),
    ],
    ids=str,
)
def test_troubles(api, words, code, sentence):
    done = muster(api, *words)
    assert done == Done(code, "", "muster: " + sentence.format(addr=api.socket) + "\n")


@pytest.mark.parametrize(
    "words,sentence",
    [
        (["lss"], "there is no verb 'lss'; did you mean 'ls'?"),
        (["frobnicate"], "there is no verb 'frobnicate'; 'muster help' lists them"),
        (["node", "sohw", "x"], "there is no verb 'node'; did you mean 'node show'?"),
        (["node"], "'node' goes on: ls, show, hold, release, slots, tag; 'muster help node' tells "
                   "what each does"),
        (["tls", "nothing"], "'tls' goes on: ca create, cert create; 'muster help tls' tells what "
                             "each does"),
        (["ls", "--stat", "dead"], "there is no flag --stat; did you mean --state?"),
        (["run", "--priorty", "3", "x"], "there is no flag --priorty; did you mean --priority?"),
        (["ps", "-z"], "there is no flag -z"),
        (["ps", "--all=yes"], "--all takes no value"),
        (["ps", "--node"], "--node needs a value: --node NODE"),
        (["logs", "x", "-n"], "-n needs a value: -n N"),
        (["logs", "x", "-fnmany"], "--lines many: a whole number from 1 to 1000000 is needed"),
        (
            ["events", "--since", "-1"],
            "--since -1: the index of an event is needed, as --json shows it",
        ),
        (["ps", "--limit", "0"], "--limit 0: a whole number from 1 to 100000 is needed"),
        (
            ["wait", "x", "--timeout", "5"],
            "--timeout 5: a duration is needed, like 250ms, 30s, 5m or 2h",
        ),
        (
            ["wait", "x", "--for", "ever"],
            "--for ever: choose one of: end gone pending starting running backoff stopping "
            "stopped done dead",
        ),
        (["show"], "'show' needs NAME"),
        (["show", "a", "b"], "'b' is one word too many"),
        (["rm", ""], "an empty word is no name"),
        (["run"], "say what to run, behind the flags: -- CMD…"),
        (["run", "--slots", "x", "a"], 'slots: "x" is not a whole number; say 1 to 65535'),
        (["run", "--name", "UP", "a"], 'name: "UP": a name is made of a-z 0-9 . _ - /'),
        (
            ["run", "--env", "A", "a"],
            "--env A: a name and a value are needed, like --env KEY=VALUE",
        ),
        (
            ["run", "--set", "slots", "a"],
            "--set slots: a field and its value are needed, like limits.memory=1G",
        ),
        (
            ["run", "--set", "exit_ok=[", "a"],
            "--set exit_ok: not YAML: did not find expected node content",
        ),
        (["run", "--set", "colour=red", "a"], "colour: unknown key"),
        (
            ["run", "--shell", "x", "--", "y"],
            "exec: exec and shell are both given; keep the one that is meant",
        ),
        (["completion", "tcsh"], "there is no completion for 'tcsh'; choose bash, zsh or fish"),
        (
            ["ls", "--addr", "nowhere"],
            "the address 'nowhere' is neither a socket path nor http(s)://HOST:PORT",
        ),
        (
            ["ls", "--addr", "ftp://x:1"],
            "the address 'ftp://x:1' is neither a socket path nor http(s)://HOST:PORT",
        ),
        (
            ["--verbose", "ls"],
            "there is no flag --verbose before a verb; 'muster help' lists the verbs",
        ),
    ],
    ids=str,
)
def test_wrong_lines_are_refused_before_anybody_is_asked(api, words, sentence):
    done = muster(api, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0] == "muster: " + sentence
    assert api.seen == []


def test_a_socket_that_may_not_be_opened():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        os.chmod(folder, 0o755)
        program, door = shutil.copy(MUSTER, folder), os.path.join(folder, "a.sock")
        listener.bind(door)
        listener.listen()
        os.chmod(door, 0)
        done = subprocess.run(
            [program, "ls", "--addr", door],
            capture_output=True,
            text=True,
            env=environment(None),
            check=False,
            cwd="/",
            **({"user": 65534} if os.getuid() == 0 else {}),  # nothing is closed to root
        )
    assert done.returncode == 8
    assert done.stderr == (
        f"muster: may not open {door} (Permission denied); ask as root or as a member of the group"
        " muster\n"
    )


def test_full_standard_output_is_a_failure(api):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [MUSTER, "ls"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=environment(api),
        )
    assert done.returncode == 1 and "standard output took no more" in done.stderr


def test_names_reach_the_agent_as_they_are(api):
    muster(api, "show", "a/b c?d#e%2f../x")
    assert api.seen[0].path == "/v1/jobs/a/b%20c%3Fd%23e%252f../x"
    muster(api, "show", "a/../../members")
    assert api.seen[-1].path.endswith("/a/../../members")


def test_both_ways_to_the_agent(api):
    assert muster(None, "ls", "-q", "--addr", api.url).out == muster(api, "ls", "-q").out != ""
    assert muster(None, "--addr=" + api.url + "/", "ls", "-q").code == 0
    assert (
        muster(
            None, "ls", "-q", env={"MUSTER_ADDR": api.url, "http_proxy": "http://127.0.7.1:9"}
        ).code
        == 0
    )
