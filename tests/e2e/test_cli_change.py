# SPDX-License-Identifier: Apache-2.0
"""The command line where it changes something: what is sent, what is said, when it waits."""
import pytest

from cli_kit import Done, api, muster  # noqa: F401 (api is a fixture)


def test_run_submits_once(api):
    done = muster(
        api,
        "run",
        "--name",
        "x/new",
        "--slots",
        "2",
        "-e",
        "A=1",
        "--env",
        "B=",
        "--retry",
        "7s,9s,11s",
        "--retry",
        "1s,4s",
        "--backoff",
        "2s",
        "--set",
        "limits.memory=1G",
        "--set",
        "limits.nofile=99",
        "--set",
        "exit_dead=[3, 4]",
        "--label",
        "a.b=c",
        "--",
        "/opt/x",
        "--slots",
        "",
    )
    assert done == Done(0, "x/new  starting on charlie, stored on 3 nodes\n", "")
    put = api.seen[0]
    assert (put.method, put.path, put.headers["If-None-Match"]) == ("PUT", "/v1/jobs/x/new", "*")
    assert put.body == {
        "name": "x/new",
        "kind": "service",
        "labels": {"a.b": "c"},
        "exec": ["/opt/x", "--slots", ""],
        "env": {"A": "1", "B": ""},
        "limits": {"nofile": 99, "memory": 1 << 30},
        "slots": 2,
        "retry": ["1s", "4s"],
        "backoff": {"first": "2s"},
        "exit_dead": [3, 4],
    }


def test_run_of_a_name_that_exists_changes_nothing(api):
    done = muster(api, "run", "--name", "mail/outbox", "--", "x")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        'muster: the name "mail/outbox" is taken; choose another --name, or change it with '
        "'muster apply'\n"
    )


def test_run_makes_a_name(api):
    out = muster(api, "run", "--slots", "2", "/usr/bin/My Tool", "--slots", "-h").out
    name = out.split("  ")[0]
    assert name.startswith("my-tool-") and len(name) == len("my-tool-") + 6
    assert api.seen[0].body["exec"] == ["/usr/bin/My Tool", "--slots", "-h"]


def test_run_tells_the_place_that_comes_a_moment_later(api):
    out = muster(api, "run", "--name", "late", "--env", "WAITS=1", "--", "x").out
    assert out == "late  running on bravo, stored on 3 nodes\n"


@pytest.mark.parametrize("code", [0, 3, 77])
def test_run_wait_ends_as_the_job_does(api, code):
    done = muster(api, "run", "--wait", "--name", "x", "--env", f"EXIT={code}", "--", "x")
    assert done.code == code
    assert api.seen[0].body["kind"] == "task"
    lines = done.out.splitlines()
    assert lines[:2] == ["x  starting on charlie, stored on 3 nodes", "first line"]
    assert done.err.startswith("a complaint\n"), "what it wrote goes where it wrote it"
    if code == 0:
        assert (lines[-1], done.err) == ("x  done on bravo, exit 0", "a complaint\n")
    else:
        assert done.err.endswith(
            f"muster: x is dead on bravo: exit {code}; 'muster logs x' may tell more\n"
        )


def test_run_wait_of_what_a_signal_killed_ends_as_a_shell_would(api):
    api.state.signal = 9
    done = muster(api, "run", "--wait", "--name", "x", "--", "x")
    assert done.code == 137 and "x is dead on bravo: killed by signal 9" in done.err


def test_run_wait_of_what_never_ran_tells_why(api):
    api.state.fault = "cannot start /no/such: No such file or directory"
    done = muster(api, "run", "--wait", "--name", "x", "--env", "EXIT=0", "--", "/no/such")
    assert done.code == 1 and api.state.fault in done.err


def test_run_of_what_finds_no_place_tells_why(api):
    api.state.full = True
    done = muster(api, "run", "--name", "x", "--", "x")
    assert done == Done(0, "x  pending: no free slot, stored on 3 nodes\n", "")


def test_run_wait_gives_up_when_told(api):
    done = muster(
        api,
        "run",
        "--wait",
        "--kind",
        "service",
        "--wait-timeout",
        "200ms",
        "--name",
        "x",
        "--",
        "x",
    )
    assert done.code == 6 and "x is running, not end, after 0.2s" in done.err


JOBS = "name: a/one\nexec: [x]\n---\nname: a/two\nkind: task\nshell: echo hi\n"


def test_apply_creates_updates_and_leaves_alone(api, tmp_path):
    (tmp_path / "jobs.yaml").write_text(JOBS)
    (tmp_path / "more.json").write_text('{"name": "b", "exec": ["x"]}')
    files = [str(tmp_path / "jobs.yaml"), str(tmp_path / "more.json")]
    stored = "stored on 3 nodes\n"
    assert (
        muster(api, "apply", *files).out
        == f"a/one  created, {stored}a/two  created, {stored}b  created, {stored}"
    )
    (tmp_path / "jobs.yaml").write_text(JOBS.replace("echo hi", "echo ho"))
    assert (
        muster(api, "apply", *files).out
        == f"a/one  unchanged, {stored}a/two  updated, {stored}b  unchanged, {stored}"
    )
    assert "If-None-Match" not in api.seen[-1].headers
    assert muster(api, "apply", "-", input="name: c\nexec: [x]\n").out == f"c  created, {stored}"


def test_apply_of_one_wrong_document_changes_nothing(api, tmp_path):
    (tmp_path / "good.yaml").write_text(JOBS)
    (tmp_path / "bad.yaml").write_text("name: b\nexec: [x]\n---\nname: c\nexec: [x]\nretyr: 5\n")
    done = muster(api, "apply", str(tmp_path / "good.yaml"), str(tmp_path / "bad.yaml"))
    assert (done.code, done.out, api.seen) == (78, "", [])
    assert done.err == f"muster: {tmp_path}/bad.yaml:6:1: retyr: unknown key; did you mean retry?\n"


def test_apply_that_fails_half_way_says_how_far_it_came(api):
    done = muster(
        api,
        "apply",
        "-",
        input="name: a\nexec: [x]\n---\nname: trouble/quorum\nexec: [x]\n---\n"
        "name: b\nexec: [x]\n",
    )
    assert done.code == 7 and done.out == "a  created, stored on 3 nodes\n"
    assert "trouble/quorum failed; 1 of 3 jobs were applied before it" in done.err
    assert muster(api, "apply", "-", input="name: trouble/field\nexec: [x]\n").code == 78


def test_check_names_every_fault_and_asks_nobody(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "name: a\nexec: [x]\nslots: 0\n"
        "---\nname: b\nexec: [x]\n---\nname: b\nexec: [x]\n---\nname: c\n"
    )
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "good.yaml").write_text(JOBS)
    names = [
        str(tmp_path / name) for name in ("bad.yaml", "empty.yaml", "nowhere.yaml", "good.yaml")
    ]
    done = muster(None, "check", *names, "--addr", "/nowhere.sock")
    bad = names[0]
    assert done.err.splitlines() == [
        f"muster: {bad}:3:8: slots: 0 is out of range; say 1 to 65535",
        f'muster: {bad}:8:1: name: "b" stands already in {bad}, line 5; keep one',
        f'muster: {bad}:11:1: exec: missing; say exec: [program, args] or shell: "line"',
        f"muster: {names[1]}: holds no job; a job begins with its name",
        f"muster: cannot read {names[2]}: No such file or directory; check the name",
    ]
    assert (done.code, done.out) == (78, f"{names[3]}: 2 jobs, nothing wrong\n")


def test_stop_start_restart_and_rm(api):
    name, stored = "market/ticker", "stored on 3 nodes"
    assert (
        muster(api, "stop", name, "--wait").out == f"{name}  stopping, {stored}\n{name}  stopped\n"
    )
    assert (api.seen[0].method, api.seen[0].path) == ("POST", "/v1/jobs/market/ticker/stop")
    assert (
        muster(api, "start", name, "--wait").out == f"{name}  starting, {stored}\n{name}  running\n"
    )
    assert muster(api, "restart", name).out == f"{name}  restarting, {stored}\n"
    done = muster(api, "rm", name, "--wait")
    assert done == Done(
        0, f"{name}  deleted, {stored}; its run may live for another 1h\n{name}  gone\n", ""
    )


def test_of_many_names_each_is_tried(api):
    done = muster(api, "stop", "none", "trouble/quorum", "mail/outbox")
    assert done.code == 3 and done.out == "mail/outbox  stopping, stored on 3 nodes\n"
    assert len(done.err.splitlines()) == 2


@pytest.mark.parametrize(
    "words,code,out",
    [
        (["batch/good"], 0, "batch/good  done\n"),
        (["batch/bad"], 1, ""),
        (["batch/bad", "--for", "end"], 0, "batch/bad  dead\n"),
        (["batch/good", "--for", "running"], 0, "batch/good  done\n"),
        (["market/ticker"], 0, "market/ticker  running\n"),
        (["none", "--for", "gone"], 0, "none  gone\n"),
        (["none"], 3, ""),
        (["mail/outbox", "--timeout", "150ms"], 6, ""),
    ],
    ids=str,
)
def test_wait(api, words, code, out):
    done = muster(api, "wait", *words)
    assert (done.code, done.out) == (code, out)
    assert bool(done.err) == (code != 0)


def test_drain_stays_until_the_node_is_empty(api):
    done = muster(api, "drain", "bravo", "--deadline", "5m")
    assert done == Done(
        0, "bravo is empty; it takes nothing new until 'muster drain bravo --cancel'\n", ""
    )
    assert (api.seen[0].path, api.seen[0].body) == (
        "/v1/nodes/bravo/drain",
        {"cancel": False, "deadline": "300000ms"},
    )
    looks = [seen for seen in api.seen if seen.path == "/v1/runs"]
    assert len(looks) == 3  # twice it had runs left
    out = muster(api, "drain", "bravo", "--no-wait").out
    assert out == "bravo is draining; 'muster node show bravo' tells how far it is\n"
    assert len(muster(api, "drain", "alpha", "--no-wait", "--json").out.splitlines()) == 1
    assert muster(api, "drain", "--cancel").out == "alpha takes runs again\n"
    assert api.seen[-1].body["cancel"] is True


def test_a_drain_that_somebody_takes_back_is_not_waited_for(api):
    api.state.draining, api.state.taken_back = 9, 6
    done = muster(api, "drain", "bravo")
    assert done.code == 4 and done.out == "", done
    assert done.err.startswith("muster: bravo takes runs again: its drain was taken back; ")


def test_init_join_leave(api):
    assert (
        muster(api, "init").out
        == "cluster c0ffee founded on alpha; the others join it by themselves\n"
    )
    muster(api, "join", "10.0.0.1:7946", 'od"d')
    assert api.seen[-1].body == {"addresses": ["10.0.0.1:7946", 'od"d']}
    assert muster(api, "leave").code == 0 and api.seen[-1].path == "/v1/leave"
