# SPDX-License-Identifier: Apache-2.0
"""What the tests of real faults share: jobs that write their own history, a book of what clients
were promised, and the judgement of both at the end.

    story = Story(cluster)
    story.submit_all(story.jobs(24))
    ...                               # faults
    story.judge()

A short version runs in `make check`; MUSTER_SOAK=1, which `make soak` sets, makes the same tests
long. What they find is printed either way.
"""
import collections
import contextlib
import os
import random
import re
import subprocess
import threading
import time

import pytest

from agent import BUILD, PATIENCE, ApiError, eventually
from cluster import Cluster

BEAT = os.path.join(BUILD, "kit", "beat")
HISTORY = os.path.join(BUILD, "kit", "history")
SOAK = os.environ.get("MUSTER_SOAK", "") not in ("", "0")
CANNOT = "this machine "  # how the reason of a skip that is no failure begins
MODES = ("available", "exclusive")

Gaps = collections.namedtuple("Gaps", "count p50 p99 max")


def short_or_long(short, long):
    return long if SOAK else short


def now_ns():
    """The clock of all histories."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def cannot(what):
    """Ends a test that needs what this machine has not; said aloud at the end of the run."""
    pytest.skip(CANNOT + what)


def say(text):
    """A line of the report: a test that passes shows it with `-s`, the soak always does."""
    print(text, flush=True)
    path = os.environ.get("MUSTER_REPORT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text + "\n")


def is_refused(error):
    """True if the answer says for certain that nothing was written."""
    return isinstance(error, ApiError) and error.status < 500 or (
        isinstance(error, ConnectionRefusedError))


class Story:
    """A cluster, what its clients were told, and what its jobs wrote about themselves."""

    def __init__(self, cluster, modes=MODES):
        self.cluster = cluster
        self.path = os.path.join(cluster.folder, f"history-{time.monotonic_ns()}")
        open(self.path, "ab").close()
        self.wanted = {}       # acknowledged: must exist, and run if it is a service
        self.maybe = set()     # the outcome of the last change is not known
        self.gone = set()      # its deletion is acknowledged: must not come back
        self.counts = collections.Counter()
        self.parts = []        # for the judge: (start, end, names)
        self.lock = threading.Lock()
        self.modes = modes
        self.settled_s, self.names = 0, 0

    # ---- jobs

    def jobs(self, count, prefix="job"):
        """Names, each with its mode, in turn."""
        return {f"{prefix}/{i:03}": self.modes[i % len(self.modes)] for i in range(count)}

    def spec(self, mode, *words, **fields):
        exclusive = ["exclusive"] if mode == "exclusive" else []
        return {"kind": "service", "exec": [BEAT, self.path, *exclusive, *map(str, words)],
                "on_agent_loss": "end", "partition": mode, **fields}

    def submit(self, agent, job, mode, *words, timeout=15, **fields):
        """One attempt, written down with what is known of its outcome; its answer."""
        spec = self.spec(mode, *words, **fields)
        try:
            reply = agent.put(f"/v1/jobs/{job}", spec, timeout=timeout)
        except Exception as error:
            with self.lock:
                if not is_refused(error):
                    self.maybe.add(job)
                self.counts["failed"] += 1
            raise
        with self.lock:
            self.wanted[job] = mode
            self.maybe.discard(job)
            self.counts["submits"] += 1
        return reply

    def delete(self, agent, job, timeout=15):
        with self.lock:
            if job not in self.wanted:
                return  # another client was faster
            mode = self.wanted.pop(job)
            self.maybe.add(job)
        try:
            agent.delete(f"/v1/jobs/{job}", timeout=timeout)
        except Exception as error:
            with self.lock:
                # Of a deletion that is asked again on the way, the first may have been answered to
                # nobody: then there is no such job. Names that no client deletes show a real loss.
                is_gone = isinstance(error, ApiError) and error.status == 404
                if is_refused(error):
                    self.maybe.discard(job)
                if is_refused(error) and not is_gone:
                    self.wanted[job] = mode
                self.counts["deletes answered 404" if is_gone else "failed"] += 1
            raise
        with self.lock:
            self.maybe.discard(job)
            self.gone.add(job)
            self.counts["deletes"] += 1

    def submit_all(self, jobs, *words, copies=1, seconds=30, **fields):
        """Through every agent in turn; returns when each runs, once: job to process."""
        agents = self.cluster.up()
        for i, (job, mode) in enumerate(jobs.items()):
            eventually(lambda: self.submit(agents[i % len(agents)], job, mode, *words,
                                           **fields)["copies"] >= copies,
                       30, f"{job} is stored {copies} times", pause=0.1)
        return self.settle(seconds)

    def settle(self, seconds):
        """Until every wanted job runs, once, and no other but those whose outcome is open."""
        def each_once():
            counts = self.cluster.counts()
            missing = [job for job in self.wanted if counts[job] != 1]
            extra = [job for job, n in counts.items()
                     if job not in self.wanted and (n > 1 or job not in self.maybe)]
            assert not missing and not extra, (
                f"not once: {[(j, counts[j]) for j in missing[:5]]} ({len(missing)} in all), "
                f"not wanted: {[(j, counts[j]) for j in extra[:5]]}")
            return True

        begin = time.monotonic()
        eventually(each_once, seconds, f"{len(self.wanted)} jobs run, each once", pause=0.05)
        self.settled_s = time.monotonic() - begin
        return {p.job: p for p in self.cluster.processes()}

    def log_bytes(self, job, agent):
        """What the output of a job takes on the disk of an agent."""
        return sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(agent.data) for name in names
                   if job in os.path.join(folder, name))

    # ---- the judgement

    def connected(self, agents, start, end=None):
        """From `start` (now_ns) on, long enough to have settled, these agents saw each other."""
        self.parts.append((start, end or now_ns(), [agent.name for agent in agents]))

    def history(self):
        """The checker's words about the histories so far, and whether nothing is wrong."""
        words = [HISTORY, self.path]
        for start, end, names in self.parts:
            words += ["part", str(start), str(end), ",".join(names)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout, done.returncode == 0

    def gaps(self, mode):
        found = re.search(rf"gaps {mode}: (\d+)(?: p50 ([\d.]+) p99 ([\d.]+) max ([\d.]+))?",
                          self.history()[0])
        return Gaps(int(found[1]), *(float(x or 0) for x in found.groups()[1:]))

    def judge(self, what, settle=20):
        """Every acknowledged job exists on all agents and runs once, every deleted one is gone, no
        history shows what may not be."""
        self.settle(settle)
        for agent in self.cluster.up():
            def listed(a=agent):
                names = set(a.jobs())
                lost, back = set(self.wanted) - names, self.gone & names
                strange = names - set(self.wanted) - self.maybe - self.gone
                assert not lost and not back and not strange, (
                    f"{a.name}: lost {sorted(lost)[:5]}, came back {sorted(back)[:5]}, "
                    f"never submitted {sorted(strange)[:5]}")
                return True
            eventually(listed, 20, f"{agent.name} lists what was acknowledged", pause=0.1)
        text, is_right = self.history()
        lines = text.splitlines()
        say(f"{what}: {self.counts['submits']} submits and {self.counts['deletes']} deletes "
            f"acknowledged, {self.counts['failed']} refused or unknown, "
            f"{self.counts['deletes answered 404']} deletes answered 404; " + "; ".join(lines[:4]))
        assert is_right, text

    def clear(self):
        """Deletes what is left, so that the next story begins on an empty cluster."""
        for job in [*self.wanted, *self.maybe]:
            self.wanted.setdefault(job, "")
            eventually(lambda j=job: self._remove(j), 30, f"{job} is deleted", pause=0.1)
        eventually(lambda: not self.cluster.processes(), 20, "nothing runs any more", pause=0.1)

    def _remove(self, job):
        try:
            self.delete(self.cluster.up()[0], job)
        except ApiError as error:
            if error.status == 404:
                return True
            self.wanted.setdefault(job, "")
            raise
        return True


@contextlib.contextmanager
def story_on(cluster, modes=MODES):
    """A story on a cluster that others have used and will use; a failed one shows the logs."""
    story = Story(cluster, modes)
    try:
        yield story
        story.clear()
    except BaseException:
        print(cluster.logs(80))
        raise


@contextlib.contextmanager
def stage(*args, kind=Cluster, **options):
    """A cluster for the tests of a module. It ends cleanly, or the last of them has an error."""
    cluster = kind(*args, **options)
    try:
        yield cluster
    except BaseException:
        cluster.close(expect_clean=False)
        raise
    cluster.close()


class Writer:
    """Clients that submit and delete while the world burns: with `with`, each in a thread."""

    def __init__(self, story, agents, prefix, seed=1, pause=0.05, keep=10, clients=4):
        self.story, self.agents, self.prefix = story, agents, prefix
        self.pause, self.keep = pause, keep
        self.luck = random.Random(seed)
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        self.broken = None

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"
        if self.broken:
            raise self.broken

    def _run(self):
        while not self.is_over.wait(self.pause):
            agent = self.luck.choice(self.agents)
            try:
                self._turn(agent)
            except (ApiError, OSError, ValueError, EOFError):
                pass  # written down by the story
            except Exception as error:  # http.client has many
                if type(error).__module__ != "http.client":
                    self.broken = error
                    return

    def _turn(self, agent):
        with self.story.lock:
            mine = [job for job in self.story.wanted if job.startswith(self.prefix)]
            is_full = len(mine) > self.keep or (mine and self.luck.random() < 0.3)
            doomed = self.luck.choice(mine) if is_full else None
            # A name is used once: a deletion of unknown outcome may still come true, later.
            self.story.names += doomed is None
            job = f"{self.prefix}/{self.story.names:05}"
            mode = MODES[self.story.names % 2]
        if doomed:
            self.story.delete(agent, doomed, timeout=5)
        else:
            self.story.submit(agent, job, mode, timeout=5)


def pids_into(folder, cluster):
    """What `beat murder` reads: the pid of each agent in a file of its name."""
    os.makedirs(folder, exist_ok=True)
    for agent in cluster.up():
        with open(os.path.join(folder, agent.name), "w", encoding="utf-8") as file:
            file.write(str(agent.pid))


def patient(seconds):
    return seconds * PATIENCE
