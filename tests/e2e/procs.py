# SPDX-License-Identifier: Apache-2.0
"""What really runs, asked of the process table and of nobody else.

A process of a job is known by MUSTER_RUN_TOKEN in its environment. Its guard may carry the same
words, so a guard is told apart by the program it executes.
"""
import collections
import os
import signal
import time

GUARD = "muster-guard"

Proc = collections.namedtuple("Proc", "pid parent start job run token attempt node env exe")


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def environ(pid):
    """The environment a process was started with; None when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            raw = file.read()
    except OSError:
        return None
    words = (word.split(b"=", 1) for word in raw.split(b"\0") if b"=" in word)
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in words}


def exe(pid):
    """The base name of the program a process executes, also after that file was replaced."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
    except OSError:
        return ""


def stat(pid):
    """State letter, parent and start time (clock ticks since boot); None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[19])


def alive(pid):
    about = stat(pid)
    return about is not None and about[0] not in "ZX"


def jobs(where=lambda env: True):
    """Every live process of a job whose environment satisfies `where`, guards left out."""
    found = []
    for pid in pids():
        about, env = stat(pid), environ(pid)
        if not env or "MUSTER_RUN_TOKEN" not in env or not where(env):
            continue
        program = exe(pid)
        if about is None or about[0] in "ZX" or program in ("", GUARD) or started(pid) != about[2]:
            continue
        found.append(Proc(pid, about[1], about[2], env.get("MUSTER_JOB"), env.get("MUSTER_RUN"),
                          int(env["MUSTER_RUN_TOKEN"]), env.get("MUSTER_ATTEMPT"),
                          env.get("MUSTER_NODE"), env, program))
    return found


def roots(found):
    """Of each process tree only its root: a process whose parent is of another run, or of none."""
    by_pid = {p.pid: p for p in found}

    def is_root(p):
        parent = by_pid.get(p.parent)
        return parent is None or (parent.run, parent.token) != (p.run, p.token)

    return [p for p in found if is_root(p)]


def touching(folder, program=None):
    """Processes that have something below `folder` open, stand in it, or name it on their command
    line."""
    folder = os.path.realpath(folder)

    def is_below(path):
        return path == folder or path.startswith(folder + "/")

    found = []
    for pid in pids():
        if pid == os.getpid() or (program and exe(pid) != program):
            continue
        try:
            links = [os.readlink(f"/proc/{pid}/cwd")]
            links += [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(is_below(link) for link in links) or any(folder in word for word in words):
            found.append(pid)
    return found


def started(pid):
    """When a process began, in ticks since boot: with its pid, what nobody else has."""
    about = stat(pid)
    return about[2] if about else None


def kill(pid, number, start=None):
    """Sends a signal to the process that began at `start` (None: whichever has the pid now), and to
    no other that was given the same pid since. True unless it is gone."""
    try:
        held = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if start is not None and started(pid) != start:
            return False
        signal.pidfd_send_signal(held, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(held)


def gone(pid_list, seconds):
    """Waits until none of these processes is alive; the ones that still are at the end."""
    until = time.monotonic() + seconds
    left = [pid for pid in pid_list if alive(pid)]
    while left and time.monotonic() < until:
        time.sleep(0.01)
        left = [pid for pid in left if alive(pid)]
    return left
