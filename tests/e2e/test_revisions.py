# SPDX-License-Identifier: Apache-2.0
"""What a job said before is kept beside it, compared, and made the present again."""
from agent import eventually
from conftest import needs_agent

pytestmark = needs_agent


def test_a_job_is_compared_with_what_it_was_and_reverted(clusters, tmp_path):
    a = clusters(1, slots=4)[0]
    name = "market/ticker"
    path = tmp_path / "job.yaml"
    spec = f"name: {name}\nexec: [sleep, '1000']\nenv: {{LOG: i%d}}\n"
    for k in range(1, 10):
        path.write_text(spec % k)
        assert a.cli("diff", "--file", str(path))[0] == 1
        assert a.cli("apply", str(path))[0] == 0
        assert a.cli("diff", "-f", str(path)) == (0, "", "")
    kept = a.get(f"/v1/revisions/{name}")["items"]
    assert [r["rev"] for r in kept] == [9, 8, 7, 6, 5, 4, 3], kept
    assert [r["spec"]["env"]["LOG"] for r in kept] == [f"i{k}" for k in (9, 8, 7, 6, 5, 4, 3)]
    assert [j["name"] for j in a.pages("/v1/jobs")] == [name], "what is kept is no job"
    code, out, _ = a.cli("diff", name)
    assert code == 1 and out.splitlines()[1:] == ["- env: LOG=i8", "+ env: LOG=i9"], out
    code, out, _ = a.cli("diff", name, "4", "5")
    assert code == 1 and out.splitlines()[1:] == ["- env: LOG=i4", "+ env: LOG=i5"], out
    assert a.cli("diff", name, "2")[0] == 3 and a.cli("diff", "nobody")[0] == 3

    assert a.cli("revert", name, "4")[1].startswith(f"{name}  revision 10 is as 4 was")
    assert a.get(f"/v1/jobs/{name}")["spec"]["env"] == {"LOG": "i4"}
    eventually(lambda: [r["state"] for r in a.runs()] == ["running"], 10, "it runs again")
    assert a.cli("revert", name)[0] == 0
    assert a.get(f"/v1/jobs/{name}")["spec"]["env"] == {"LOG": "i9"}
    # It goes with the job: one of the same name begins anew, also after a restart of the agent.
    assert a.cli("rm", name, "--wait")[0] == 0
    assert a.cli("apply", str(path))[0] == 0
    a.kill9()
    a.start()
    eventually(lambda: [r["rev"] for r in a.get(f"/v1/revisions/{name}")["items"]] == [1], 10,
               "nothing of the earlier one")
    code, _, err = a.cli("revert", name)
    assert code == 3 and "was never changed" in err
