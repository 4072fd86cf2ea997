# SPDX-License-Identifier: Apache-2.0
"""`muster next` against two strangers who know calendars: Python's zoneinfo and systemd."""
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import zoneinfo

import pytest

MUSTER = pathlib.Path(os.environ["MUSTER_BUILD"]) / "muster"
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
         "Asia/Kolkata", "Africa/Casablanca"]
UTC = datetime.timezone.utc
BEGIN = datetime.datetime(2020, 1, 1, tzinfo=UTC)
END = datetime.datetime(2030, 1, 1, tzinfo=UTC)


def moment(text, form):
    return datetime.datetime.strptime(text, form).replace(tzinfo=UTC)


def fires(expression, zone, count=1000):
    """All moments of ten years, a thousand at a time as the verb gives them."""
    moments, at = [], BEGIN - datetime.timedelta(seconds=1)
    while True:
        out = subprocess.run([MUSTER, "next", expression, "--tz", zone, "-n", str(count), "--json",
                              "--from", at.strftime("%Y-%m-%dT%H:%M:%SZ")],
                             check=True, capture_output=True, text=True).stdout
        page = [moment(item["time"], "%Y-%m-%dT%H:%M:%S.%fZ") for item in json.loads(out)["items"]]
        moments += [one for one in page if one < END]
        if len(page) < count or page[-1] >= END:
            return moments
        at = page[-1]


def wall(zone, hour, minute, on=lambda day: True):
    """What a fixed time of day means: that time on every day; behind the gap where it is skipped,
    the first where it comes twice."""
    tz, day, out = zoneinfo.ZoneInfo(zone), datetime.date(2019, 12, 31), []
    while day <= datetime.date(2030, 1, 1):
        local = datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=tz, fold=0)
        when = local.astimezone(UTC)
        if when.astimezone(tz).replace(tzinfo=None) != local.replace(tzinfo=None):
            low = local.replace(fold=1).astimezone(UTC)  # in a gap this one is before the change
            high = when
            while high - low > datetime.timedelta(seconds=1):
                middle = low + (high - low) / 2
                middle = middle.replace(microsecond=0)
                before = middle.astimezone(tz).utcoffset() == low.astimezone(tz).utcoffset()
                low, high = (middle, high) if before else (low, middle)
            when = high
        if on(day) and BEGIN <= when < END:
            out.append(when)
        day += datetime.timedelta(days=1)
    return sorted(set(out))


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_of_a_daily_time_are_those_of_zoneinfo(zone):
    assert fires("30 2 * * *", zone) == wall(zone, 2, 30)
    assert fires("0 0 * * *", zone) == wall(zone, 0, 0)
    assert fires("15 9 * * mon-fri", zone) == wall(zone, 9, 15, lambda day: day.weekday() < 5)
    last = lambda day: (day + datetime.timedelta(days=1)).day == 1
    assert fires("45 23 L * *", zone) == wall(zone, 23, 45, last)


@pytest.mark.parametrize("zone", ZONES[:3])
def test_ten_years_of_hours_are_hours_that_passed(zone):
    tz = zoneinfo.ZoneInfo(zone)
    hours = int((END - BEGIN).total_seconds()) // 900
    want = [one for one in (BEGIN + datetime.timedelta(minutes=15 * k) for k in range(hours))
            if (local := one.astimezone(tz)).minute == 0 and local.hour % 6 == 0]
    assert fires("0 */6 * * *", zone) == want


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("zone", ZONES[::2])
def test_ten_years_of_weeks_are_those_of_systemd(zone):
    for cron, calendar in (("30 9 * * 1", "Mon *-*-* 09:30:00"),
                           ("0 12 1,15 * *", "*-*-01,15 12:00:00"),
                           ("5 18 * 3,6 fri", "Fri *-03,06-* 18:05:00"),
                           ("0 6 29 2 *", "*-02-29 06:00:00")):
        ours = fires(cron, zone)
        out = subprocess.run(["systemd-analyze", "calendar", f"{calendar} {zone}",
                              f"--iterations={len(ours) + 1}",
                              "--base-time=2019-12-31 23:59:59 UTC"],
                             check=True, capture_output=True, text=True,
                             env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}).stdout
        theirs = [moment(line.split(": ", 1)[1].strip(), "%a %Y-%m-%d %H:%M:%S UTC")
                  for line in out.splitlines() if "Next elapse" in line or "Iter" in line]
        assert theirs[:len(ours)] == ours, f"{cron} against {calendar} {zone}"
        assert len(theirs) <= len(ours) or theirs[len(ours)] >= END
