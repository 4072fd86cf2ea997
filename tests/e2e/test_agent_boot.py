# SPDX-License-Identifier: Apache-2.0
"""One agent process: how it starts, whom it refuses to be, what it does with signals, and what is
left when it ends."""
import glob
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from agent import BUILD, GOSSIP_PORT, HTTP_PORT, PATIENCE, PEER_PORT, eventually, holds
from conftest import needs_agent

pytestmark = needs_agent


def told(agent):
    """What it said since its last start, without the line that the harness wrote."""
    return agent.log().split("---- start")[-1].partition("\n")[2]


def refused(agent, code, *words):
    agent.start(wait=False)
    agent.may_complain = True
    assert agent.exit_code() == code, agent.log(20)
    missing = [word for word in words if word not in told(agent)]
    assert not missing, f"does not name {missing}:\n{told(agent)}"


def identity(agent):
    status = agent.get("/v1/status")
    return status["node_id"], status["cluster_id"]


# ---- being killed and started again


def test_a_killed_agent_starts_again_at_once_as_the_same_node(clusters):
    c = clusters(1, slots=4)
    agent, before = c[0], identity(c[0])
    for boot in (2, 3, 4):
        # An open connection leaves the port in TIME-WAIT behind the killed agent.
        with socket.create_connection((agent.host, PEER_PORT)):
            agent.kill9()
        begin = time.monotonic()
        agent.start()
        assert time.monotonic() - begin < 5 * PATIENCE
        assert identity(agent) == before
        assert f"boot {boot}" in told(agent)


def test_a_port_that_is_being_let_go_is_waited_for(clusters):
    """Whoever starts an agent again at once is not told that somebody else is there."""
    with clusters(1, start=False) as c, socket.socket() as former:
        former.bind((c[0].host, GOSSIP_PORT))
        former.listen()
        c[0].start(wait=False)
        time.sleep(0.3)
        assert c[0].is_up(), c[0].log(5)
        former.close()
        c[0].wait_ready()


def test_a_killed_agents_links_close_when_nobody_listens_any_more(clusters):
    """Whoever sees its link end asks at once (R55), and need not ask twice."""
    agent = clusters(1, slots=4)[0]
    links = [socket.create_connection((agent.host, PEER_PORT)) for _ in range(50)]
    time.sleep(0.1)
    agent.send(signal.SIGKILL)
    first, _, _ = select.select(links, [], [], 5)
    assert first, "a link ends with the agent"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((agent.host, PEER_PORT))
    agent.process.wait(10)
    for link in links:
        link.close()


def test_a_moved_folder_is_refused_until_somebody_says_that_it_was_moved(clusters):
    """(R3)"""
    c = clusters(1, slots=4)
    agent, before = c[0], identity(c[0])
    agent.kill9()
    original = agent.data + ".original"
    os.rename(agent.data, original)
    shutil.copytree(original, agent.data, ignore=shutil.ignore_patterns("run"))  # sockets
    refused(agent, 78, agent.data, "copied or moved", before[0], "--moved")
    agent.may_complain = False

    agent.program.append("--moved")
    agent.start()
    assert identity(agent) == before
    agent.kill9()
    agent.program.remove("--moved")
    agent.start()
    agent.kill9()
    # A rename is no move: the folder cannot be in two places by it.
    shutil.rmtree(original)
    os.rename(agent.data, original)
    agent.data = original
    agent.start()
    assert identity(agent) == before


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it(clusters):
    c = clusters(1, slots=4)
    second = c.add(start=False, join=[])
    second.data = c[0].data
    refused(second, 4, second.data, str(c[0].pid), "in use")
    assert c[0].get("/health")["status"] == "ok"


@pytest.mark.parametrize("path,words", [
    ("/proc/muster", "cannot be made"), ("/dev/null", "no folder stands there"),
    ("/dev/null/below", "cannot be made"),
])
def test_a_folder_that_cannot_be_made_is_named(clusters, path, words):
    c = clusters(1, start=False)
    c[0].data = path
    c[0].start(wait=False)
    c[0].may_complain = True
    assert c[0].exit_code() in (1, 8, 78)
    assert path in told(c[0]) and words in told(c[0]), told(c[0])


def test_a_socket_path_in_use_is_named_and_a_stale_one_is_replaced(clusters):
    c = clusters(1, slots=4)
    second = c.add(start=False, join=[])
    second.socket = c[0].socket
    refused(second, 4, second.socket)
    c[0].kill9()
    assert os.path.exists(c[0].socket), "kill -9 leaves it behind"
    c[0].start()
    assert c[0].cli("status")[0] == 0


# ---- signals


def test_term_ends_an_agent_that_is_alone_and_leaves_only_its_data(clusters):
    c = clusters(1, slots=4)
    agent = c[0]
    agent.submit("service")
    agent.submit("stubborn", ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
                 stop_timeout="1s")
    c.wait_once({"service", "stubborn"}, 10)
    begin = time.monotonic()
    assert agent.term(30) == 0
    assert time.monotonic() - begin < 10 * PATIENCE
    assert not c.processes() and not os.path.exists(agent.socket)
    assert os.path.isdir(agent.data)


def test_a_second_term_ends_at_once(clusters):
    c = clusters(1, slots=4)
    c[0].submit("stubborn", ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
                stop_timeout="1m")
    c.wait_once({"stubborn"}, 10)
    c[0].send(signal.SIGTERM)
    holds(c[0].is_up, 1, "it waits for the job")
    c[0].send(signal.SIGTERM)
    assert c[0].exit_code(3) == 1
    eventually(lambda: not c.processes(), 8, "the job ends with its agent")


def test_hup_changes_nothing_and_usr1_tells_what_is_inside(clusters):
    c = clusters(1, slots=4)
    c[0].send(signal.SIGHUP)
    c[0].send(signal.SIGUSR1)
    eventually(lambda: "status: node" in told(c[0]) and "counters:" in told(c[0]), 5, "the dump")
    assert "SIGHUP" in told(c[0]) and c[0].is_up()
    assert identity(c[0])[0] in told(c[0])


def test_an_agent_that_stood_still_knows_it_and_goes_on(clusters):
    """(R47)"""
    c = clusters(1, slots=4)
    c[0].submit("good")
    c.wait_once({"good"}, 10)
    c[0].stop()
    time.sleep(2)
    c[0].cont()
    eventually(lambda: "did not run for" in told(c[0]), 5, "it says so")
    assert c[0].get("/health")["status"]
    c.wait_once({"good"}, 40)


# ---- trial runs


def dev(folder, *flags):
    return subprocess.Popen(
        [os.path.join(BUILD, "muster-agent"), "--dev", *flags], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "TMPDIR": folder})


def dev_socket(folder, process):
    def found():
        assert process.poll() is None, process.stdout.read()
        sockets = glob.glob(os.path.join(folder, "*", "agent.sock"))
        return sockets and sockets[0]

    return eventually(found, 15, "the trial agent opens its socket")


def test_dev_needs_nothing_leaves_nothing_and_finds_ports_of_its_own():
    folders = [tempfile.mkdtemp(prefix="muster-dev-") for _ in range(2)]
    agents = []
    try:
        for folder in folders:
            agents.append(dev(folder))
            path = dev_socket(folder, agents[-1])
            done = subprocess.run([os.path.join(BUILD, "muster"), "status", "--json"], text=True,
                                  env={**os.environ, "MUSTER_ADDR": path}, check=False,
                                  capture_output=True, timeout=20 * PATIENCE)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["slots"] == len(os.sched_getaffinity(0))
        for agent, folder in zip(agents, folders):
            agent.send_signal(signal.SIGTERM)
            output, _ = agent.communicate(timeout=30)
            assert agent.returncode == 0, output
            assert "MUSTER_ADDR" in output, "it says how to reach it"
            assert os.listdir(folder) == [], "something was left behind"
    finally:
        for agent in agents:
            agent.kill()
            agent.wait()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def test_version_and_help_are_answered_without_an_agent():
    program = os.path.join(BUILD, "muster-agent")
    for flag, word in (("--version", "muster-agent 0."), ("--help", "--data-dir")):
        done = subprocess.run([program, flag], capture_output=True, text=True, timeout=20,
                              check=False)
        assert done.returncode == 0 and word in done.stdout and not done.stderr, done


# ---- the service manager


def test_the_service_manager_hears_that_it_is_ready_alive_and_ending(clusters):
    c = clusters(1, slots=4, start=False)
    agent = c[0]
    path = os.path.join(c.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20 * PATIENCE)
        agent.program = ["/usr/bin/env", f"NOTIFY_SOCKET={path}", "WATCHDOG_USEC=400000",
                         *agent.program]
        agent.start()
        words = set()
        while not {"READY=1", "WATCHDOG=1"} <= words:
            words |= set(manager.recv(4096).decode().splitlines())
        # The words were meant for the agent; a job has a socket of its own or none.
        agent.submit("curious")
        env = c.wait_once({"curious"}, 10)["curious"].env
        assert env.get("NOTIFY_SOCKET") != path and "WATCHDOG_USEC" not in env
        agent.send(signal.SIGTERM)
        while "STOPPING=1" not in words:
            words |= set(manager.recv(4096).decode().splitlines())
        assert agent.exit_code(30) == 0


def test_lines_for_the_journal_carry_its_numbers(clusters):
    c = clusters(1, slots=4, start=False)
    agent = c[0]
    with open(agent.log_path, "ab") as log:
        about = os.fstat(log.fileno())
    agent.program = ["/usr/bin/env", f"JOURNAL_STREAM={about.st_dev}:{about.st_ino}",
                     *agent.program]
    agent.start()
    lines = told(agent).splitlines()
    assert lines and all(line[:3] in ("<3>", "<4>", "<6>", "<7>") for line in lines), lines


def test_nobody_who_reads_the_log_is_no_reason_to_stand_still(clusters):
    c = clusters(1, slots=4, start=False)
    agent = c[0]
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"x" * 4096):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
        agent.process = subprocess.Popen(agent.program + agent.args(), stdin=subprocess.DEVNULL,
                                         stdout=writer, stderr=writer)
        agent.wait_ready()
        for _ in range(20):
            agent.send(signal.SIGUSR1)
            assert agent.get("/v1/status", timeout=3)["node"] == agent.name
        assert agent.term(30) == 0
    finally:
        os.close(reader)
        os.close(writer)


def test_a_job_gets_the_usual_limit_of_descriptors(clusters):
    c = clusters(1, slots=4)
    c[0].submit("usual")
    c[0].submit("many", limits={"nofile": 2000})
    found = c.wait_once({"usual", "many"}, 10)

    def soft(pid):
        with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
            return next(int(line.split()[3]) for line in file if line.startswith("Max open files"))

    assert soft(found["usual"].pid) <= 1024 and soft(found["many"].pid) == 2000
    assert soft(c[0].pid) > 1024


# ---- strangers who hold on to what they get


def test_silent_connections_keep_no_peer_out(clusters):
    c = clusters(1, slots=4)
    silent = []
    try:
        for _ in range(600):
            silent.append(socket.create_connection((c[0].host, PEER_PORT)))
            silent[-1].sendall(b"\0\0")  # half of a length
        for _ in range(300):
            silent.append(socket.create_connection((c[0].host, GOSSIP_PORT)))
            silent[-1].sendall(b"\x06")  # the first byte of a push
        second = c.add()
        c.wait_members()
        eventually(lambda: "alive" == second.members()[c[0].name]["status"], 10, "they meet")
        reply = eventually(lambda: (r := c[0].submit("both"))["copies"] == 2 and r, 40,
                           "their link is up", pause=0.2)
        assert reply["copies"] == 2
    finally:
        for connection in silent:
            connection.close()


def test_frames_that_lie_are_refused_one_by_one(clusters):
    c = clusters(1, slots=4)
    lies = (b"\xff\xff\xff\xff", b"\0\x20\0\x01" + b"x" * 70000, b"\0\0\0\0" * 100,
            b"\0\0\0\x05\x93\x01\x02\x03\x04", b"\0\0\0\x10" + b"\xdf" * 16,
            b"\0\0\0\x02\x91")
    for data in lies:
        answer = c[0].throw_tcp(PEER_PORT, data)
        assert answer == b"", f"{data[:8]!r}: {answer!r}"
    assert c[0].get("/health")["status"] == "ok"


def resident_mib(agent):
    with open(f"/proc/{agent.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))


def test_output_waits_for_a_slow_reader_wherever_it_is(clusters):
    """The disk outruns the reader; what he has not taken may not pile up without a bound."""
    c = clusters(2, slots=4)
    line = "x" * 999
    c[0].submit("bulk", ["/bin/sh", "-c", f"yes {line} | head -n 24000"], kind="task")
    eventually(lambda: c[0].runs("?job=bulk")[0]["state"] == "done", 30, "it has printed 24 MB")
    before = [resident_mib(agent) for agent in c]
    for agent in c:
        with socket.create_connection((agent.host, HTTP_PORT)) as slow:
            slow.settimeout(30 * PATIENCE)
            slow.sendall(b"GET /v1/runs/bulk/logs?format=text HTTP/1.1\r\nHost: a\r\n"
                         b"Connection: close\r\n\r\n")
            time.sleep(2)
            grown = [resident_mib(a) - b for a, b in zip(c, before)]
            total = 0
            while part := slow.recv(1 << 20):
                total += part.count(b"x")
        assert total > 20_000_000, f"{agent.name} gave {total} bytes of it"
        print(f"{agent.name}: while nobody read, the agents grew by {grown} MiB")
        # A reader elsewhere costs his agent up to a whole log; the one that reads the disk waits.
        assert PATIENCE > 1 or (min(grown) < 20 and max(grown) < 70), grown
    assert all("choked" not in told(agent) for agent in c)


# ---- figures


def test_an_idle_agent_costs_little(clusters):
    """Prints what it costs; fails only far above what is promised."""
    c = clusters(3, slots=4)
    time.sleep(3)
    tick = os.sysconf("SC_CLK_TCK")

    def cpu(pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / tick

    before, begin = [cpu(a.pid) for a in c], time.monotonic()
    time.sleep(10)
    spent = [(cpu(a.pid) - b) / (time.monotonic() - begin) * 100 for a, b in zip(c, before)]
    for agent, percent in zip(c, spent):
        with open(f"/proc/{agent.pid}/status", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file)
        print(f"{agent.name}: {percent:.2f} % CPU, {fields['VmRSS'].strip()} resident, "
              f"{len(os.listdir(f'/proc/{agent.pid}/fd'))} descriptors")
        if PATIENCE == 1.0:
            assert int(fields["VmRSS"].split()[0]) < 64 * 1024
