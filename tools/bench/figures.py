# SPDX-License-Identifier: Apache-2.0
"""What is measured, what it must be, and how it is printed.

A figure is one number of a row; a row of the goals may have several. A sample is what one run of a
measurement gave for a figure; of several the median counts, and the least and the greatest are
shown beside it.
"""
import collections
import statistics

# `up`: more is better. `must` and `stretch` are goals in `unit`.
Figure = collections.namedtuple("Figure", "row name what unit must stretch up")


def figure(row, name, what, unit, must, stretch, up=False):
    return Figure(row, name, what, unit, must, stretch, up)


FIGURES = [
    figure(1, "one_submits", "durable submits, 1 node, window 256", "1/s", 200e3, 400e3, True),
    figure(1, "store_submits_window_256", "the same, table and disk alone", "1/s", 200e3, 400e3,
           True),
    figure(2, "one_p50", "durable submit, one at a time, 1 node, p50", "ms", 0.35, 0.27),
    figure(2, "store_submit_p50", "the same, table and disk alone, p50", "us", 350, 270),
    figure(3, "three_submits", "durable submits, 3 nodes, window 256", "1/s", 85e3, 200e3, True),
    figure(4, "three_p50", "durable submit, one at a time, 3 nodes, p50", "ms", 1.0, 0.6),
    figure(4, "three_p99", "the same, p99", "ms", 5, 2),
    figure(8, "kill_p50", "agent kill -9 to its jobs' new processes, p50", "ms", 5, 2),
    figure(8, "kill_p99", "the same, p99", "ms", 50, 10),
    figure(9, "silent_p50", "silent loss to placed anew, p50", "ms", 800, 400),
    figure(9, "silent_p99", "the same, p99", "ms", 1500, 600),
    figure(13, "guard_killed_to_restarted_p50", "process killed to restarted, guard alone, p50",
           "ms", 2, 1.1),
    figure(13, "restart_p50", "the same through the agent, p50", "ms", 2, 1.1),
    figure(14, "guard_start_to_first_instruction_p50",
           "start to first instruction, guard alone, p50", "ms", 1.2, 0.6),
    figure(14, "start_p50", "submit to first instruction, 1 node, p50", "ms", 1.2, 0.6),
    figure(15, "guard_loop_blocked_by_spawn_p50", "loop blocked per spawn, p50", "ms", 0.2, 0.09),
    figure(15, "guard_loop_blocked_by_launch_with_spare_p50",
           "the same with a guard in reserve, p50", "ms", 0.2, 0.09),
    figure(17, "ring_list_3", "ring: list of 3", "ns", 5, 3),
    figure(17, "ring_rebuild_10000", "ring: rebuild at 10,000 nodes", "ms", 30, 15),
    figure(17, "ring_join_1000", "ring: join at 1,000 nodes", "us", 150, 60),
    figure(18, "gossip_ping_encode", "gossip: encode a ping", "ns", 60, 20),
    figure(18, "gossip_alive_encode", "gossip: encode an alive", "ns", 60, 20),
    figure(18, "gossip_ping_decode", "gossip: decode a ping", "ns", 80, 30),
    figure(18, "gossip_alive_decode", "gossip: decode an alive", "ns", 80, 30),
    figure(20, "rss_idle", "RSS idle", "MiB", 8, 4),
    figure(20, "rss_rows", "RSS with 100,000 live rows", "MiB", 64, 32),
    figure(21, "idle_cpu", "idle CPU, 15 nodes, over 30 s", "%", 0.2, 0.1),
    figure(21, "rss_15", "RSS of each meanwhile", "MiB", 10, 8),
    figure(21, "idle_gossip", "gossip sent meanwhile, headers with it", "B/s", 180, 90),
    figure(21, "idle_links", "sent over the links meanwhile", "B/s", 4096, 1536),
    figure(22, "sim_node_seconds", "simulator: node-seconds per second and core, 5 to 9 nodes",
           "1/s", 50e3, 100e3, True),
    figure(23, "first_page", "100,000 jobs, 3 nodes: first page of runs, p50", "ms", 10, 5),
    figure(23, "blackout", "the same: all agents killed to every job counted and run", "s", 60,
           15),
    figure(24, "shown_5", "agent kill -9 to all others show it, 5 nodes, p50", "ms", 20, 10),
    figure(24, "shown_5_p99", "the same, p99", "ms", 100, 50),
    figure(24, "shown_15", "agent kill -9 to all others show it, 15 nodes, p50", "ms", 20, 10),
    figure(24, "shown_15_p99", "the same, p99", "ms", 100, 50),
    figure(24, "serf_shown_5", "serf, 5 nodes, kill -9, for comparison", "ms", 20, 10),
    figure(24, "serf_shown_15", "serf, 15 nodes", "ms", 20, 10),
    figure(25, "hushed_5", "agent SIGSTOP to all others show it, 5 nodes, p50", "ms", 800, 400),
    figure(25, "hushed_5_p99", "the same, p99", "ms", 1500, 600),
    figure(25, "hushed_15", "agent SIGSTOP to all others show it, 15 nodes, p50", "ms", 800, 400),
    figure(25, "hushed_15_p99", "the same, p99", "ms", 1500, 600),
    figure(25, "serf_hushed_5", "serf, 5 nodes, SIGSTOP, for comparison", "ms", 800, 400),
    figure(25, "serf_hushed_15", "serf, 15 nodes", "ms", 800, 400),
    figure(26, "one_of_3_p50", "as 8, a service for each of 3 nodes, 50 kills, p50", "ms", 10, 5),
    figure(26, "one_of_3_p99", "the same, p99", "ms", 100, 50),
    figure(26, "one_of_5_p50", "a service for each of 5 nodes, 50 kills, p50", "ms", 10, 5),
    figure(26, "one_of_5_p99", "the same, p99", "ms", 100, 50),
    figure(27, "trigger_light_p50", "trigger with durable: no, one at a time, 3 nodes, p50", "ms",
           1.0, 0.6),
    figure(27, "trigger_kept_p50", "the same with durable: yes, by turns with it", "ms", 1.0, 0.6),
    figure(27, "triggers_light", "triggers with durable: no, 500 in a request, 3 nodes", "1/s",
           85e3, 200e3, True),
    figure(27, "triggers_kept", "the same with durable: yes, by turns with it", "1/s", 85e3,
           200e3, True),
]
ROWS = sorted({f.row for f in FIGURES})


def percentile(samples, hundredths):
    """The value that so many of a hundred samples do not exceed."""
    order = sorted(samples)
    return order[min(len(order) - 1, len(order) * hundredths // 100)]


def verdict(f, median):
    """Which goal is met, or how far it is to the lower one."""
    def reaches(goal):
        return median >= goal if f.up else median <= goal

    if reaches(f.stretch):
        return "stretch"
    if reaches(f.must):
        return "must"
    times = f.must / median if f.up else median / f.must
    return f"{times:.1f}x short"


def number(value):
    """Three digits that matter, thousands with a comma."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def line(f, samples):
    least, median, greatest = min(samples), statistics.median(samples), max(samples)
    return [str(f.row), f.what, f.unit, f"{f.must:,g}", f"{f.stretch:,g}", number(least),
            number(median), number(greatest), str(len(samples)), verdict(f, median)]


HEAD = ["row", "what", "unit", "must", "stretch", "min", "median", "max", "n", "verdict"]


def table(found, rows):
    """Every figure of the rows in order, as markdown; one without samples says so."""
    lines = [line(f, found[f.name]) if found.get(f.name) else
             [str(f.row), f.what, f.unit, f"{f.must:,g}", f"{f.stretch:,g}", "-", "-", "-", "0",
              "not measured"]
             for f in FIGURES if f.row in rows]
    widths = [max(len(row[i]) for row in [HEAD, *lines]) for i in range(len(HEAD))]
    left = {1, 2, 9}

    def cells(row):
        padded = [text.ljust(w) if i in left else text.rjust(w)
                  for i, (text, w) in enumerate(zip(row, widths))]
        return "| " + " | ".join(padded) + " |"

    ruler = "|" + "|".join("-" * (w + 2) if i in left else "-" * (w + 1) + ":"
                           for i, w in enumerate(widths)) + "|"
    return "\n".join([cells(HEAD), ruler, *map(cells, lines)])
