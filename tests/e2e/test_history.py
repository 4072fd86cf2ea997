# SPDX-License-Identifier: Apache-2.0
"""The checker of run histories, held against histories that are right and ones that are not; and
the job that writes them. A checker that finds nothing proves nothing."""
import os
import signal
import subprocess
import time

import pytest

from faults import BEAT, HISTORY, cannot

MS = 1_000_000


def record(job, node, token, first, last, mode="x", attempt=1):
    line = f"{first * MS:020} {last * MS:020} l {mode} {token} {attempt} 1 {node} {job}"
    return line.ljust(511) + "\n"


def judged(folder, records, *words):
    path = os.path.join(folder, "history")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(records)
    done = subprocess.run([HISTORY, path, *words], capture_output=True, text=True, timeout=20,
                          check=False)
    return done.returncode, done.stdout, done.stderr


WRONG = [
    # what is wrong, the records, the words of the verdict
    ("overlap", [record("a", "n1", 5, 0, 100), record("a", "n2", 6, 99, 200)],
     "two exclusive runs"),
    ("two overlaps with one", [record("a", "n1", 5, 0, 500), record("a", "n2", 6, 100, 101),
                               record("a", "n2", 7, 200, 600)], "two exclusive runs"),
    ("fell", [record("a", "n1", 6, 0, 100), record("a", "n2", 5, 200, 300)], "below an earlier"),
    ("shared", [record("a", "n1", 5, 0, 100, "a"), record("a", "n2", 5, 200, 300, "a")],
     "on two nodes"),
    ("twice", [record("a", "n1", 5, 0, 100, "a"),
               record("a", "n1", 5, 50, 300, "a", attempt=2)], "twice at one instant"),
    ("backwards", [record("a", "n1", 5, 100, 50)], "ended before"),
]


@pytest.mark.parametrize("what,records,words", WRONG, ids=[case[0] for case in WRONG])
def test_what_may_not_be_is_named(tmp_path, what, records, words):
    other, count = record("b", "n1", 99, 0, 1000), 2 if what.startswith("two") else 1
    for order in (records, records[::-1]):
        code, out, _ = judged(tmp_path, [other, *order])
        assert code == 1 and words in out and f"wrong: {count}\n" in out, f"{what}: {out}"


RIGHT = [
    ("one after the other", [record("a", "n1", 5, 0, 100), record("a", "n2", 6, 100, 200)]),
    ("attempts of one run", [record("a", "n1", 5, 0, 100),
                             record("a", "n1", 5, 200, 300, attempt=2)]),
    ("two jobs", [record("a", "n1", 5, 0, 100), record("b", "n2", 5, 0, 100)]),
    ("a job and its daemon", [record("a", "n1", 5, 0, 100), record("a", "n1", 5, 50, 120)]),
    ("available in two parts", [record("a", "n1", 5, 0, 100, "a"),
                                record("a", "n2", 6, 50, 200, "a")]),
    ("available, lower token later", [record("a", "n1", 6, 0, 100, "a"),
                                      record("a", "n2", 5, 50, 200, "a")]),
    ("nothing", []),
]


@pytest.mark.parametrize("what,records", RIGHT, ids=[case[0] for case in RIGHT])
def test_what_may_be_is_let_pass(tmp_path, what, records):
    code, out, _ = judged(tmp_path, records)
    assert code == 0 and "wrong: 0" in out, f"{what}: {out}"


def test_two_available_runs_are_wrong_only_while_their_nodes_saw_each_other(tmp_path):
    both = [record("a", "n1", 5, 0, 100, "a"), record("a", "n2", 6, 50, 200, "a")]
    for start, end, names, code in ((60, 300, "n1,n2", 1), (0, 51, "n2,n1,n3", 1),
                                    (100, 300, "n1,n2", 0), (0, 50, "n1,n2", 0),
                                    (0, 300, "n1,n3", 0), (0, 300, "n11,n2", 0)):
        got, out, _ = judged(tmp_path, both, "part", str(start * MS), str(end * MS), names)
        assert got == code, (start, end, names, out)
        assert code == 0 or "connected part" in out


def test_gaps_are_measured_between_nodes(tmp_path):
    code, out, _ = judged(tmp_path, [
        record("a", "n1", 5, 0, 1000), record("a", "n2", 6, 3000, 4000),
        record("a", "n2", 6, 5000, 6000, attempt=2),
        record("b", "n1", 7, 0, 1000, "a"), record("b", "n2", 8, 1250, 2000, "a")])
    assert code == 0 and "gaps exclusive: 1 p50 2.000 p99 2.000 max 2.000 s" in out, out
    assert "gaps available: 1 p50 0.250" in out, out


def test_a_file_that_is_no_history_is_refused(tmp_path):
    code, _, err = judged(tmp_path, ["hello\n"])
    assert code == 2 and "hello" in err
    assert subprocess.run([HISTORY, str(tmp_path / "none")], check=False).returncode == 2


def beat(path, *words, **env):
    about = {"MUSTER_JOB": "a", "MUSTER_NODE": "n1", "MUSTER_RUN_TOKEN": "5", "MUSTER_ATTEMPT": "1"}
    return subprocess.Popen([BEAT, str(path), *words], env={**about, **env},
                            stdout=subprocess.DEVNULL)


def fields(path, k=0):
    with open(path, encoding="utf-8") as file:
        return file.read()[k * 512:(k + 1) * 512].split()


def test_a_killed_job_has_written_when_it_last_lived(tmp_path):
    path = tmp_path / "history"
    job = beat(path, "exclusive")
    time.sleep(0.5)
    job.send_signal(signal.SIGKILL)
    died = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    job.wait()
    first, last, state, mode, token, attempt, pid, node, name = fields(path)
    assert (state, mode, token, attempt, node, name) == ("l", "x", "5", "1", "n1", "a")
    assert int(pid) == job.pid and 0.3e9 < int(last) - int(first) < 0.6e9
    assert 0 <= died - int(last) < 0.2e9


def test_a_job_makes_the_trouble_that_it_is_asked_for(tmp_path):
    path = tmp_path / "history"
    assert beat(path, "for", "100").wait(10) == 0
    assert fields(path)[2] == "e"

    deaf = beat(path, "stubborn")
    time.sleep(0.2)
    deaf.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert deaf.poll() is None
    deaf.kill()
    deaf.wait()

    victim = subprocess.Popen(["sleep", "100"])
    (tmp_path / "n1").write_text(str(victim.pid))
    killer = beat(path, "murder", str(tmp_path), "after", "100", "for", "300")
    assert victim.wait(10) == -signal.SIGKILL and killer.wait(10) == 0

    parent = beat(path, "daemon", "for", "100")
    assert parent.wait(10) == 0
    time.sleep(0.2)
    daemon = int(fields(path, 4)[6])
    assert daemon != parent.pid and int(fields(path, 4)[1]) > int(fields(path, 3)[1])
    os.kill(daemon, signal.SIGKILL)


TICK = """
import select, time
begin = time.monotonic()
select.select([], [], [], 0.5)
print(time.monotonic() - begin, time.clock_gettime(time.CLOCK_BOOTTIME))
"""


def test_a_clock_that_drifts_runs_as_fast_as_it_is_told():
    if os.environ.get("MUSTER_MODE") in ("asan", "tsan"):
        cannot("preloads no clock into a sanitized program")
    base = time.monotonic_ns() - 100 * 1000 * MS
    told = {"LD_PRELOAD": os.path.join(os.path.dirname(BEAT), "drift.so"),
            "DRIFT": f"200 100 {base}"}
    out = subprocess.run(["/usr/bin/python3", "-c", TICK], env=told, capture_output=True, text=True,
                         check=True, timeout=20).stdout.split()
    assert 0.9 < float(out[0]) < 1.5, out
    assert 100 < float(out[1]) - time.clock_gettime(time.CLOCK_BOOTTIME) < 110, out


def test_a_job_refuses_words_it_does_not_know(tmp_path):
    assert beat(tmp_path / "h", "sing").wait(10) == 2
    assert beat(tmp_path / "h", "for", "long").wait(10) == 2
    assert beat(tmp_path / "h", "for").wait(10) == 2
