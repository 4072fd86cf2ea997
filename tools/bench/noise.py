# SPDX-License-Identifier: Apache-2.0
"""How steady the machine is while it measures: the same small work, again and again.

On a quiet machine each line's p99 is close to its p50. What a figure differs from one run to the
next cannot be less than this.
"""
import os
import tempfile
import time

from figures import percentile

ROUNDS = 400
SPIN = 50000  # turns of an empty loop, about a millisecond


def timed(work):
    begin = time.monotonic_ns()
    work()
    return (time.monotonic_ns() - begin) / 1e6


def sync(file):
    """What a journal does for one record."""
    os.write(file, b"x" * 200)
    os.fdatasync(file)


def spin():
    for _ in range(SPIN):
        pass


def said(name, samples):
    return (f"{name} {percentile(samples, 50):.3f} / {percentile(samples, 99):.3f} / "
            f"{max(samples):.3f} ms")


def stolen_ticks():
    """Time in which the host ran somebody else on our CPUs."""
    with open("/proc/stat", encoding="utf-8") as file:
        return int(file.readline().split()[8])


def sample():
    """One line: p50, p99 and greatest of a sync, of a fixed work and of a one-millisecond nap."""
    with tempfile.NamedTemporaryFile(prefix="muster-noise-") as file:
        syncs = [timed(lambda: sync(file.fileno())) for _ in range(ROUNDS)]
    spins = [timed(spin) for _ in range(ROUNDS)]
    naps = [timed(lambda: time.sleep(0.001)) for _ in range(ROUNDS)]
    load = os.getloadavg()[0]
    return ", ".join([said("fdatasync", syncs), said("spin", spins), said("1 ms nap", naps),
                      f"load {load:.2f}"])
