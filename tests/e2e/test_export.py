# SPDX-License-Identifier: Apache-2.0
"""Jobs carried from one cluster to another as a file, and what is told of those that are wrong."""
import pytest

from conftest import needs_agent

pytestmark = needs_agent

JOBS = {
    "feed/a": {"kind": "service", "exec": ["/bin/sleep", "1 000", "", "tab\there"], "slots": 1,
               "labels": {"team": "no", "on": "null"}, "retry": ["1s", "4s"]},
    "feed/b": {"kind": "task", "start": "manual", "arg": "\u007f\u0085\ufeff\U0001f600 é \"q\" \\",
               "shell": "cat <<X\n---\n# no comment: {a: b}\nX\n"},
    "nightly": {"kind": "cron", "cron": "H H(1-5) * * *", "tz": "Europe/Berlin", "shell": "true",
                "description": "~"},
}


@pytest.fixture(name="here")
def fixture_here(clusters):
    here = clusters(1, slots=4)
    here.wait_benches()
    for name, spec in JOBS.items():
        here[0].put(f"/v1/jobs/{name}", spec)
    return here[0]


def spec_of(agent, name):
    return agent.get(f"/v1/jobs/{name}")["spec"]


def test_what_is_exported_is_imported_elsewhere(here, clusters, tmp_path):
    file = tmp_path / "jobs.yaml"
    assert here.cli("export", "-o", str(file)) == (0, f"{file}: 3 jobs\n", "")
    text = file.read_text()
    assert here.cli("export")[1].split("\n")[1:] == text.split("\n")[1:]
    assert here.cli("export", "feed/")[1].count("\n---\n") == 2 and "\nname: feed/a\n" in text
    assert here.cli("check", str(file)) == (0, f"{file}: 3 jobs, nothing wrong\n", "")
    there = clusters(1, slots=4)
    there.wait_benches()
    dry = there[0].cli("import", "--dry-run", str(file))
    assert dry[0] == 0 and "nightly: would be created\n+ name: nightly\n" in dry[1]
    assert dry[1].endswith("3 jobs: 3 would be created, 0 would be updated, 0 unchanged\n")
    assert there[0].get("/v1/jobs")["items"] == []
    assert there[0].cli("import", str(file)) == (
        0, "feed/a  created\nfeed/b  created\nnightly  created\n"
           "3 jobs: 3 created, 0 updated, 0 unchanged\n", "")
    for name in JOBS:
        assert spec_of(there[0], name) == spec_of(here, name)
    assert there[0].cli("import", str(file)) == (
        0, "3 jobs: 0 created, 0 updated, 3 unchanged\n", "")
    assert there[0].cli("apply", str(file))[1].count("unchanged") == 3
    assert there[0].cli("export")[1].split("\n")[1:] == text.split("\n")[1:]


def test_what_is_wrong_is_told_with_its_line_and_the_rest_goes_on(here, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text("# of many hands\n---\nname: feed/a\nexec: [x]\n---\n# nothing\n---\n"
                    "name: bad\nretyr: 5\nexec: [x]\n---\nname: 'open\n---\n"
                    "name: feed/a\nexec: [y]\n---\nname: last\nexec: [/bin/sleep, 1000]\n")
    code, out, err = here.cli("import", "-n", str(file))
    assert code == 78 and "- exec: " in out and '+ exec: ["x"]' in out, (out, err)
    code, out, err = here.cli("import", str(file))
    assert (code, out) == (78, "feed/a  updated\nlast  created\n"
                               "5 jobs: 1 created, 1 updated, 0 unchanged, 3 failed\n"), err
    lines = err.split("\n")
    assert lines[0] == f"muster: {file}:9:1: retyr: unknown key; did you mean retry?"
    assert lines[1].startswith(f"muster: {file}:12:") or lines[1].startswith(f"muster: {file}:13:")
    assert lines[2] == f'muster: {file}:14: "feed/a" stands already in line 3; keep one'
    assert here.cli("import", str(tmp_path / "none"))[0] == 1
    # Refused by the cluster, not by its words: the circle.
    circle = tmp_path / "circle.yaml"
    circle.write_text("name: one\nkind: task\nshell: 'true'\nafter: two\n---\n"
                      "name: two\nkind: task\nshell: 'true'\nafter: one\n")
    code, out, err = here.cli("import", str(circle))
    assert code != 0 and f"{circle}:6: two: " in err and "1 created" in out, (code, out, err)
    here.kill9()
    code, out, err = here.cli("import", str(file))
    assert code == 5 and "ended at line 3; import it again for the rest" in err
