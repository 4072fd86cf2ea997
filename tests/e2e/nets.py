# SPDX-License-Identifier: Apache-2.0
"""A network for a cluster of its own: one namespace for each agent, joined by a switch in one more,
which cuts, loses and heals as it is told. Nothing of it reaches the machine's own network.

    with NetCluster(5) as c:
        c.net.split([0, 1], [2, 3, 4])
        c.net.lose(30)
        c.net.heal()

The switch is a bridge and nft filters what it forwards, ARP too; netem is not needed, and on many
kernels is not there. The test itself speaks to the agents over their unix sockets.
"""
import http.client
import os
import shutil
import socket
import subprocess

from agent import BUILD, HTTP_PORT, Agent
from cluster import Cluster
from faults import cannot

PREFIX = "mufault"

RULES = """
table bridge faults
delete table bridge faults
table bridge faults {
  set cut {
    type ipv4_addr . ipv4_addr
%s
  }
  set apart {
    type ipv4_addr . ipv4_addr
%s
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip saddr . ip daddr @cut drop
    arp saddr ip . arp daddr ip @apart drop
%s
  }
}
"""


def run(*words, text=None):
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True, timeout=30)


def namespaces():
    try:
        return [name for name in os.listdir("/run/netns") if name.startswith(PREFIX)]
    except FileNotFoundError:
        return []


def sweep():
    """Takes away what a test that was killed could not."""
    for name in namespaces():
        owner = name[len(PREFIX):].split("-")[0]
        if not os.path.exists(f"/proc/{owner}"):
            subprocess.run(["ip", "netns", "del", name], check=False)


class Net:
    """Addresses 10.77.0.10 and up, one for each of `size` hosts."""

    def __init__(self, size):
        missing = [tool for tool in ("ip", "nft", "nsenter") if shutil.which(tool) is None]
        if missing or os.geteuid() != 0:
            cannot(f"has no {' '.join(missing) or 'root'}, so no networks are cut")
        sweep()
        self.size, self.pairs, self.loss = size, set(), 0
        try:
            self._build()
            self._apply()
        except subprocess.CalledProcessError as error:
            self.close()
            cannot(f"makes no networks: {' '.join(error.cmd)}: {error.stderr.strip()}")
        except BaseException:
            self.close()
            raise

    def name_of(self, k):
        return f"{PREFIX}{os.getpid()}-{k}"

    def address_of(self, k):
        return f"10.77.0.{10 + k}"

    def _build(self):
        switch, hosts = self.name_of("switch"), range(self.size)
        run("ip", "-batch", "-", text="".join(
            f"netns add {name}\n" for name in [switch, *map(self.name_of, hosts)]))
        run("ip", "-n", switch, "-batch", "-", text="link add switch type bridge forward_delay 0\n"
            "link set switch up\n")
        for k in hosts:
            run("ip", "-n", switch, "-batch", "-",
                text=f"link add port{k} type veth peer name eth0 netns {self.name_of(k)}\n"
                     f"link set port{k} master switch up\n")
            run("ip", "-n", self.name_of(k), "-batch", "-",
                text=f"addr add {self.address_of(k)}/24 dev eth0\nlink set eth0 up\n"
                     "link set lo up\n")

    def _apply(self):
        def elements(pairs):
            words = [f"{self.address_of(a)} . {self.address_of(b)}" for a, b in sorted(pairs)]
            return f"    elements = {{ {', '.join(words)} }}" if words else ""

        # Whom ARP cannot reach cannot be answered either: it is cut only where both ways are.
        both = {(a, b) for a, b in self.pairs if (b, a) in self.pairs}
        run("ip", "netns", "exec", self.name_of("switch"), "nft", "-f", "-", text=RULES % (
            elements(self.pairs), elements(both),
            f"    ip version 4 numgen random mod 100 < {self.loss} drop" if self.loss else ""))

    # ---- what befalls it

    def cut(self, senders, receivers):
        """Nothing of what these send arrives at those: one way."""
        self.pairs |= {(a, b) for a in senders for b in receivers if a != b}
        self._apply()

    def split(self, *groups):
        """Nothing passes between groups; who is in two of them is the bridge."""
        def apart(a, b):
            return not any(a in group and b in group for group in groups)
        hosts = {k for group in groups for k in group}
        self.pairs = {(a, b) for a in hosts for b in hosts if a != b and apart(a, b)}
        self._apply()

    def isolate(self, k):
        self.split([k], [other for other in range(self.size) if other != k])

    def lose(self, percent):
        """Of all packets, at random."""
        self.loss = percent
        self._apply()

    def heal(self):
        self.pairs, self.loss = set(), 0
        self._apply()

    def close(self):
        for k in [*range(self.size), "switch"]:
            if os.path.exists(f"/run/netns/{self.name_of(k)}"):
                subprocess.run(["ip", "netns", "del", self.name_of(k)], check=False)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class NetAgent(Agent):
    """An agent in a network where the test is not."""

    def connect(self, timeout):
        return UnixConnection(self.socket, timeout)

    def args(self):
        """What others reach would need tokens."""
        words = super().args()
        words[words.index("--http") + 1] = f"127.0.0.1:{HTTP_PORT}"
        return words


class NetCluster(Cluster):
    agent_class = NetAgent

    def __init__(self, size, **options):
        self.net = Net(size)
        try:
            super().__init__(size, **options)
        except BaseException:
            self.net.close()
            raise

    def _free_octet(self):
        return 0

    def host_of(self, k):
        return self.net.address_of(k)

    def program_of(self, k):
        return ["nsenter", f"--net=/run/netns/{self.net.name_of(k)}",
                *(self.program or [os.path.join(BUILD, "muster-agent")])]

    def close(self, **options):
        try:
            super().close(**options)
        finally:
            self.net.close()
