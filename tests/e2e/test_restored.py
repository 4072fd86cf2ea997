# SPDX-License-Identifier: Apache-2.0
"""A data folder put back from a copy has forgotten what its node promised since: its peers know,
and it may not vote or run again (R3)."""
import os
import shutil

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent


def copy_out(agent, name):
    shutil.copytree(agent.data, os.path.join(agent.folder, name),
                    ignore=shutil.ignore_patterns("*.sock", "s", "guards", "runs"))


def copy_back(agent, name):
    """The records alone: the folder itself, and with it its home, stay the same."""
    for root, _, files in os.walk(os.path.join(agent.folder, name)):
        for file in files:
            if file.endswith(".mdb"):
                to = os.path.join(agent.data, os.path.relpath(os.path.join(root, file),
                                                              os.path.join(agent.folder, name)))
                shutil.copyfile(os.path.join(root, file), to)


def linked(agent, other):
    return agent.members().get(other.name, {}).get("linked")


def refused(agent, others):
    agent.may_complain = True
    agent.start(wait=False)
    assert agent.exit_code(30) == 78, agent.log(20)
    assert "this data folder is a copy, or was restored from one" in agent.log(20)
    for other in others:
        other.may_complain = True


def test_a_restored_folder_may_not_come_back(clusters):
    c = clusters(3, slots=8)
    c.wait_benches()
    for i in range(6):
        c[0].submit(f"job/{i}")
    jobs = {f"job/{i}" for i in range(6)}
    c.wait_once(jobs, 10)
    old = c[2]
    old.kill9()
    copy_out(old, "copy")
    old.start()
    eventually(lambda: linked(c[0], old) and linked(c[1], old), 10, "it is back")
    old.kill9()
    copy_back(old, "copy")
    # The same boot number again: only the nonce tells.
    refused(old, c.agents[:2])
    assert "boot 2" in old.log(20)
    c.wait_once(jobs, 20)
    # It remembers: its boot number would have risen above the others' memory one day.
    old.start(wait=False)
    assert old.exit_code(15) == 78, old.log(20)
    assert "others have seen boot 2" in old.log(20)

    # What its peers have seen outlives them as well.
    for agent in c.agents[:2]:
        agent.kill9()
    for agent in c.agents[:2]:
        agent.start()
    copy_back(old, "copy")
    refused(old, c.agents[:2])
