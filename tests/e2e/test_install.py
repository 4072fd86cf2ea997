# SPDX-License-Identifier: Apache-2.0
"""`make install` puts down what an operator needs, and what it puts down works."""
import configparser
import os
import shutil
import subprocess

import pytest

from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")


@pytest.fixture
def installed(tmp_path):
    """A function that installs below tmp_path and returns it."""
    def install(prefix="/usr"):
        subprocess.run(["make", "-s", "install", f"DESTDIR={tmp_path}", f"PREFIX={prefix}",
                        f"MODE={os.environ.get('MUSTER_MODE', 'release')}"],
                       cwd=ROOT, check=True, capture_output=True, env=without_make())
        return tmp_path

    return install


def without_make():
    """Our environment without what the make above us passed down."""
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def test_programs_unit_and_configuration_are_there(installed):
    root = installed("/opt/muster")
    for program in ("muster", "muster-agent", "muster-guard"):
        assert os.access(root / "opt/muster/bin" / program, os.X_OK), program
    unit = (root / "opt/muster/lib/systemd/system/muster.service").read_text()
    assert "ExecStart=/opt/muster/bin/muster-agent " in unit and "/usr/bin" not in unit
    assert (root / "opt/muster/lib/sysusers.d/muster.conf").read_text() == "g muster -\n"
    page = (root / "opt/muster/share/man/man5/muster-job.5").read_text()
    assert page.count(".SH ") > 10 and "stop_timeout" in page
    # Nobody but root reads what may hold a key one day.
    assert (root / "etc/muster/muster.yaml").stat().st_mode & 0o777 == 0o640


def test_a_configuration_that_is_there_is_kept(installed):
    root = installed()
    config = root / "etc/muster/muster.yaml"
    config.write_text("slots: 3\n")
    installed()
    assert config.read_text() == "slots: 3\n"


def test_the_installed_agent_runs_with_the_installed_configuration(installed, clusters):
    root = installed()
    c = clusters(1, program=[str(root / "usr/bin/muster-agent")],
                 extra=["--config", str(root / "etc/muster/muster.yaml")])
    c[0].submit("svc")
    c.wait_once({"svc"}, 10)
    version = subprocess.run([root / "usr/bin/muster", "version"], capture_output=True, text=True,
                             check=True).stdout
    assert c[0].get("/v1/status")["version"] in version


def test_the_example_shows_only_settings_that_exist(installed, clusters):
    """Each commented line of the example, taken out of its comment, is accepted by itself."""
    root = installed()
    lines = (root / "etc/muster/muster.yaml").read_text().splitlines()
    shown = [line[1:] for line in lines if line[:1] == "#" and line[1:2].isalpha() and ":" in line]
    assert len(shown) >= 12
    c = clusters(1, start=False)
    # Where the agent lives is the harness's to say, by flags, which win; and where its key is.
    key = root / "key"
    key.touch(mode=0o600)
    key.write_text(c[0].cli("keygen")[1])
    text = "\n".join(shown).replace("/etc/muster/key", str(key))
    assert str(key) in text
    (root / "all.yaml").write_text(text + "\n")
    c[0].extra = ["--config", str(root / "all.yaml"), "--advertise", f"{c[0].host}:7946"]
    c[0].join = [f"{c[0].host}:7946"]
    c[0].start(wait=False)
    eventually(lambda: c[0].get("/v1/status")["state"] == "waiting", 10, "it waits to be let in")


def test_the_unit_says_what_jobs_need(installed):
    """Jobs must not share the agent's fate, and systemd must know every word of it."""
    path = installed() / "usr/lib/systemd/system/muster.service"
    unit = configparser.ConfigParser(delimiters="=", interpolation=None)
    unit.optionxform = str
    unit.read_string(path.read_text())
    service = unit["Service"]
    assert service["KillMode"] == "process" and service["OOMPolicy"] == "continue"
    assert service["RestartPreventExitStatus"] == "78"
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True,
                              text=True, check=False)
        said = done.stderr.lower()
        assert "unknown key" not in said and "invalid" not in said, said
