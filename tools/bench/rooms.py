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


def simulate(add):
    """How much of a cluster's life the simulator lives through, with all its checks on."""
    subprocess.run(["make", "-s", "-j2", "--no-print-directory", "MODE=fast", "build/fast/sim"],
                   check=True, timeout=10 * LIMIT_S)
    for run in range(RUNS):
        done = subprocess.run(["build/fast/sim", "--profile", "mixed", "--nodes-min", "5",
                               "--seeds", f"{1000 * run}:{1000 * run + 200}"],
                              capture_output=True, text=True, timeout=LIMIT_S, check=True)
        for line in done.stdout.splitlines():
            if line.endswith("simulated node-seconds per second and core"):
                add("sim_node_seconds", float(line.split()[0]))


def measure(build, name, add):
    """Runs a program several times and hands each figure to `add(name, value)`."""
    for _ in range(RUNS):
        for figure, value in lines_of(os.path.join(build, "bench", name)).items():
            add(figure, value)
