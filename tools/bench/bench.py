#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: measures the rows of docs/performance.md that stand, and prints one table.

    MUSTER_BUILD=build/release tools/bench/bench.py [ROW...]

Without rows all of them, in about five minutes. A measurement that fails is said, its row is shown
without figures, and the exit code is 1.
"""
import collections
import os
import platform
import sys
import time

sys.dont_write_bytecode = True

import cluster_bench  # noqa: E402
import noise  # noqa: E402
import rooms  # noqa: E402
from figures import FIGURES, ROWS, table  # noqa: E402


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return (f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} x "
            f"{names[0] if names else 'unknown CPU'}, Linux {platform.release()}")


def rows_wanted(words):
    """The rows named; all without any."""
    rows = [int(word) for word in words if word.isdigit()]
    if len(rows) != len(words) or not set(rows) <= set(ROWS):
        sys.exit(f"bench: rows are {' '.join(map(str, ROWS))}")
    return set(rows) or set(ROWS)


def parts_of(rows):
    """What to run for these rows: a name, the rows it gives, and how."""
    for name, gives in rooms.PROGRAMS.items():
        yield name, gives & rows, lambda add, n=name: rooms.measure(cluster_bench.BUILD, n, add)
    yield "simulator", {22} & rows, rooms.simulate
    for gives, how in cluster_bench.PARTS:
        yield "rows " + ", ".join(map(str, sorted(gives))), gives & rows, how


def measure(rows):
    """Figure to samples, and whether all went well."""
    found, good = collections.defaultdict(list), True
    for name, gives, how in parts_of(rows):
        if not gives:
            continue
        begin = time.monotonic()
        try:
            how(lambda figure, value: found[figure].append(value))
            print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
        except (AssertionError, RuntimeError, OSError, LookupError, ValueError,
                rooms.subprocess.SubprocessError) as error:
            print(f"{name}: FAILED: {error}", flush=True)
            good = False
    return found, good


def main():
    rows = rows_wanted(" ".join(sys.argv[1:]).replace(",", " ").split())
    print(machine(), flush=True)
    print(f"noise, p50 / p99 / max, before: {noise.sample()}", flush=True)
    stolen = noise.stolen_ticks()
    found, good = measure(rows)
    print(f"noise, p50 / p99 / max, after:  {noise.sample()}", flush=True)
    print(f"CPU stolen by the host meanwhile: {(noise.stolen_ticks() - stolen) / 100:.1f} s\n")
    print(table(found, rows))
    return 0 if good and all(found.get(f.name) for f in FIGURES if f.row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
