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
    if not is_worker(config):
        config.pluginmanager.register(Tally())


def pytest_collection_modifyitems(items):
    if not SOAK:
        items[:] = [item for item in items if item.get_closest_marker("soak") is None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "call":
        item.failed = report.failed


def is_worker(config):
    """Whether this is one of the processes of `-n`: the first process hears of all their tests."""
    return hasattr(config, "workerinput")


class Tally:
    """A test that was skipped did not run, and that is a failure too, unless it asks for something
    that this machine has not: that is said aloud at the end."""

    def __init__(self):
        self.passed, self.failed, self.cannot = 0, 0, []

    def pytest_runtest_logreport(self, report):
        reason = report.longrepr[2] if report.skipped and not hasattr(report, "wasxfail") else ""
        if CANNOT in reason:
            self.cannot.append(f"{report.nodeid.split('::')[-1]}: {reason.partition(': ')[2]}")
        elif report.failed or report.skipped:
            self.failed += 1
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report):
        self.failed += report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self):
        for line in self.cannot:
            print(f"\nNOT RUN  {line}", end="")
        print(f"\ne2e: {self.passed} passed, {self.failed} failed")


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
