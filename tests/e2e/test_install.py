# SPDX-License-Identifier: Apache-2.0
"""`make install` puts down what an operator needs, and what it puts down works."""
import configparser
import json
import os
import re
import shutil
import subprocess

import pytest

from agent import BUILD, eventually
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
    for number, name in ((1, "muster"), (8, "muster-agent"), (5, "muster.yaml")):
        page = (root / f"opt/muster/share/man/man{number}/{name}.{number}").read_text()
        assert ".SH SEE ALSO" in page, name
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


def keys_for(agent, root):
    """Makes each file with a secret that the example speaks of; its name there -> the file."""
    def kept(name, text):
        (root / name).touch(mode=0o600)
        (root / name).write_text(text)
        return root / name

    for words in (("ca", "create"), ("cert", "create", agent.name)):
        assert agent.cli("tls", *words, "--out", str(root))[0] == 0
    made = agent.cli("token", "create", "--right", "admin", "--name", "who", "--json")[1]
    return {"ca.pem": root / "ca.pem", "clients.pem": root / "ca.pem",
            "node.pem": root / f"{agent.name}.pem", "node.key": root / f"{agent.name}.key",
            "http.pem": root / f"{agent.name}.pem", "http.key": root / f"{agent.name}.key",
            "key": kept("key", agent.cli("keygen")[1]),
            "tokens": kept("tokens", json.loads(made)["line"] + "\n")}


def test_the_example_shows_only_settings_that_exist(installed, clusters):
    """What is commented out in the example, taken out of its comment, is accepted as a whole."""
    root = installed()
    lines = (root / "etc/muster/muster.yaml").read_text().splitlines()
    shown = [line[1:] for line in lines
             if line[:1] == "#" and ":" in line and (line[1:2].isalpha() or line[1:3] == "  ")]
    assert len(shown) >= 15
    c = clusters(1, start=False)
    # Where the agent lives is the harness's to say, by flags, which win; and where its keys are.
    text = "\n".join(shown)
    for path, ours in keys_for(c[0], root).items():
        assert f"/etc/muster/{path}" in text
        text = text.replace(f"/etc/muster/{path}", str(ours))
    assert "/etc/muster/" not in text
    (root / "all.yaml").write_text(text + "\n")
    c[0].extra = ["--config", str(root / "all.yaml"), "--advertise", f"{c[0].host}:7946"]
    c[0].join = [f"{c[0].host}:7946"]
    c[0].start(wait=False)
    eventually(lambda: '"state":"waiting"' in c[0].cli("status", "--json")[1], 10,
               "it waits to be let in")


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


def page_of(root, name, number):
    """A manual page as a person reads it, its marks taken out."""
    text = (root / f"usr/share/man/man{number}/{name}.{number}").read_text()
    return re.sub(r"\\f.|\\&", "", text).replace("\\-", "-").replace("\\(aq", "'") \
        .replace("\\e", "\\")


def said(*words):
    return subprocess.run([os.path.join(BUILD, words[0]), *words[1:]], check=True, text=True,
                          capture_output=True).stdout


def test_the_pages_know_every_verb_flag_and_key(installed):
    root = installed()
    page = page_of(root, "muster", 1)
    verbs = re.findall(r"^\.SS muster (.*)$", page, re.M)
    listed = [line for line in said("muster", "help").splitlines() if line.startswith("  ")]
    assert len(verbs) == len(listed) > 60
    for verb, line in zip(verbs, listed):
        assert line.split()[:len(verb.split())] == verb.split()
        shown = said("muster", "help", *verb.split())
        flags = re.findall(r"^  (?:-., |    )--[a-z-]+", shown, re.M)
        assert len(flags) >= 7
        for flag in flags:
            assert flag in page, f"{verb}: {flag}"

    page = page_of(root, "muster-agent", 8)
    flags = set(re.findall(r"--[a-z][a-z-]+", said("muster-agent", "--help")))
    assert flags == set(re.findall(r"--[a-z][a-z-]+", page))
    with open(os.path.join(ROOT, "agent", "config_table.c"), encoding="utf-8") as file:
        table = file.read()
    maps = re.findall(r"agent_schema_field (\w+)_fields\[\] = \{(.*?)\n\};", table, re.S)
    keys = {key if fields == "config" else f"{fields}.{key}" for fields, text in maps
            for key in re.findall(r'\{ "(\w+)", AGENT_TYPE_(?!MAP)', text)}
    page = page_of(root, "muster.yaml", 5)
    told = re.findall(r"^\.SS (.*)$", page, re.M)
    assert len(keys) > 30 and sorted(told) == sorted(keys)
    assert {"--" + re.sub("[_.]", "-", key) for key in keys} <= flags


def test_the_examples_of_settings_are_taken(tmp_path):
    """But for files that they name and that are not there."""
    with open(os.path.join(ROOT, "docs/man/muster.yaml.5.scd"), encoding="utf-8") as file:
        examples = re.findall(r"^```\n(.*?)^```$", file.read(), re.M | re.S)
    assert len(examples) > 30
    for example in examples:
        config = tmp_path / "muster.yaml"
        config.write_text(example)
        done = subprocess.run([os.path.join(BUILD, "muster-agent"), "--check", "--config",
                               str(config)], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "No such file" in done.stderr, example + done.stderr
