# SPDX-License-Identifier: Apache-2.0
"""What all end-to-end tests share: clusters that are cleaned up, logs when a test fails, a time
limit for each test, and the closing line that `make check` adds up."""
import signal

import pytest

from cluster import Cluster, have_agent
from faults import CANNOT, SOAK

LIMIT_S = 180  # for one test; @pytest.mark.limit(seconds) says otherwise

# Tests of real agents say `pytestmark = needs_agent`.
needs_agent = pytest.mark.skipif(not have_agent(), reason="no muster-agent in MUSTER_BUILD")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): longest time for this test")
    config.addinivalue_line("markers", "soak: takes minutes, so only `make soak` runs it")
    config.tally = {"passed": 0, "failed": 0, "cannot": []}


def pytest_collection_modifyitems(items):
    if not SOAK:
        items[:] = [item for item in items if item.get_closest_marker("soak") is None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed = report.failed
    tally = item.config.tally
    # A test that was skipped did not run, and that is a failure too, unless it asks for something
    # that this machine has not: that is said aloud at the end.
    if report.skipped and call.excinfo and CANNOT in str(call.excinfo.value):
        tally["cannot"].append(f"{item.name}: {call.excinfo.value.msg}")
    elif report.failed or report.skipped:
        tally["failed"] += 1
    elif report.when == "call":
        tally["passed"] += 1


def pytest_collectreport(report):
    if report.failed:
        pytest_collectreport.broken = getattr(pytest_collectreport, "broken", 0) + 1


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    broken = getattr(pytest_collectreport, "broken", 0)
    for line in config.tally["cannot"]:
        print(f"\nNOT RUN  {line}", end="")
    print(f"\ne2e: {config.tally['passed']} passed, {config.tally['failed'] + broken} failed")


@pytest.fixture(autouse=True)
def time_limit(request):
    """A test that hangs fails instead, with the line where it stood."""
    marker = request.node.get_closest_marker("limit")
    seconds = int(marker.args[0] if marker else LIMIT_S)

    def over(*_):
        raise TimeoutError(f"the test took longer than {seconds} s")

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture
def clusters(request):
    """Makes clusters as Cluster() does and ends them with the test; a failed one shows the logs."""
    made = []

    def make(*args, kind=Cluster, **options):
        made.append(kind(*args, **options))
        return made[-1]

    yield make
    failed = getattr(request.node, "failed", True)
    for cluster in made:
        if failed:
            print(cluster.logs())
        cluster.close(expect_clean=not failed)
