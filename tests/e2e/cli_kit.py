# SPDX-License-Identifier: Apache-2.0
"""How the tests of the command line run it: against made-up answers, piped or on a terminal."""
import collections
import os
import pty
import select
import struct
import subprocess
import fcntl
import termios

import pytest

from agent import BUILD, PATIENCE
from fake_api import FakeApi

MUSTER = os.path.join(BUILD, "muster")
LIMIT_S = 20 * PATIENCE
Done = collections.namedtuple("Done", "code out err")


def environment(api, **more):
    """Nothing of the caller's own settings may reach the program under test."""
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("COLUMNS", "NO_COLOR", "MUSTER_ADDR", "TERM", "LANG", "LC_ALL")
    }
    if api is not None:
        env["MUSTER_ADDR"] = api.socket
    return {**env, "TERM": "xterm", **more}


def muster(api, *words, input=None, env=None):
    done = subprocess.run(
        [MUSTER, *words],
        capture_output=True,
        text=True,
        input=input,
        timeout=LIMIT_S,
        check=False,
        env=environment(api, **(env or {})),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def on_terminal(api, *words, columns=80, env=None):
    """Everything that a person in front of a terminal of this width would be sent."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [MUSTER, *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(api, **(env or {})),
    )
    os.close(follower)
    seen = b""
    while select.select([leader], [], [], LIMIT_S)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    return Done(process.wait(LIMIT_S), seen.decode().replace("\r\n", "\n"), "")


@pytest.fixture
def api(tmp_path):
    with FakeApi(str(tmp_path)) as served:
        yield served
