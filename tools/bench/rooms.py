# SPDX-License-Identifier: Apache-2.0
"""Measurements of single rooms: C programs that print `NAME VALUE UNIT` lines."""
import os
import subprocess

RUNS = 3
LIMIT_S = 60
# The rows that each program has figures of.
PROGRAMS = {"disk_store_bench": {1, 2}, "ring_bench": {17}, "gossip_bench": {18},
            "shell_guard_bench": {13, 14, 15}}


def lines_of(program, *args, limit=LIMIT_S):
    """Name to value, of one run."""
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=limit,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{os.path.basename(program)} ended with {done.returncode}: "
                           f"{done.stderr.strip()}")
    words = (line.split() for line in done.stdout.splitlines())
    return {w[0]: float(w[1]) for w in words if len(w) == 3}


def measure(build, name, add):
    """Runs a program several times and hands each figure to `add(name, value)`."""
    for _ in range(RUNS):
        for figure, value in lines_of(os.path.join(build, "bench", name)).items():
            add(figure, value)
