# SPDX-License-Identifier: Apache-2.0
"""The manual page of job files: what it shows is taken by the program itself, each example for one.
That every field has its section is a unit test (agent_reference_test.c)."""
import os
import re
import subprocess

from agent import BUILD

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "man", "muster-job.5.scd")


def test_every_example_of_the_page_is_a_job(tmp_path):
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    count = 0
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        name = section.split("\n", 1)[0]
        for block in re.findall(r"^```\n(.*?)^```$", section, flags=re.M | re.S):
            path = tmp_path / f"{name}.yaml"
            path.write_text(block)
            done = subprocess.run([os.path.join(BUILD, "muster"), "check", path], timeout=20,
                                  capture_output=True, text=True, check=False)
            said = f"{path}: 1 job, nothing wrong\n"
            assert (done.returncode, done.stdout) == (0, said), (name, done.stderr)
            count += 1
    assert count > 60
