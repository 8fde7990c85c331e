"""The reference series' recipe, and alarms in the form that the yardstick's scorer reads."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import farrington, noufaily42, noufaily_daily, noufaily_weekly

SHARED = Path(os.environ.get("WHENCE_SHARED", Path(__file__).parents[3] / "shared"))


def test_scenarios_are_those_of_the_paper() -> None:
    path = SHARED / "anchors" / "noufaily42_scenarios.csv"
    if not path.exists():
        pytest.skip(f"needs the shared anchors at {path}")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    for one, row in zip(noufaily_weekly.scenarios(), rows, strict=True):
        assert (one.theta, one.phi, one.beta, one.harmonics) == tuple(
            float(row[k]) for k in ("theta", "phi", "beta", "m")
        )


def test_fresh_series_follow_the_recipe() -> None:
    series = noufaily_weekly.make(2, seed=3)
    assert series.background.shape == (84, 624)
    assert not series.past[:, :312].any()
    assert not series.past[:, 575:].any()
    assert not series.current[:, :575].any()
    assert ((series.past_k == 0) == (series.past.sum(axis=1) == 0)).all()
    quiet = np.array([one.mean().mean() for one in noufaily_weekly.scenarios()]).repeat(2)
    assert np.median(series.background.mean(axis=1) / quiet) == pytest.approx(1, abs=0.1)


def test_alarms_are_written_for_every_judged_week(tmp_path: Path) -> None:
    noufaily_weekly.write(noufaily_weekly.make(1, seed=5), tmp_path / "series.csv.gz")
    noufaily42.judge(tmp_path / "series.csv.gz", tmp_path / "alarms.csv.gz")
    with gzip.open(tmp_path / "alarms.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 42 * 49
    assert list(rows[0]) == ["scenario", "replicate", "week", "alarm", "alarm_clean"]
    assert {row["week"] for row in rows} == {str(week) for week in range(576, 625)}
    assert 10 < sum(int(row["alarm"]) for row in rows) < 150
    assert sum(int(row["alarm_clean"]) for row in rows) < 60


def test_scores_are_the_yardsticks() -> None:
    outbreak = np.array([[False, True, True, False], [True, False, False, False]])
    alarm = np.array([[False, False, True, True], [False, False, False, False]])
    told = noufaily42.score(alarm, np.zeros_like(alarm), outbreak)
    assert told == noufaily42.Score(fpr=0.0, pod=0.5, sensitivity=1 / 3, ppv=0.5, f1=0.4)


def test_farrington_finds_a_plain_outbreak_and_keeps_its_rate() -> None:
    counts = np.random.default_rng(2).poisson(12.0, (800, 330)).astype(np.float64)
    assert 0.002 < farrington.alarms(counts, share=0.01).mean() < 0.025
    counts[:, -1] = 40
    assert farrington.alarms(counts, share=0.01).all()


def test_daily_signals_are_shut_at_weekends_and_busy_on_holidays() -> None:
    daily = noufaily_daily.make(4, seed=1)
    five = np.isin(daily.signal, [one.number for one in noufaily_daily.SIGNALS if one.days == 5])
    weekend = np.arange(noufaily_daily.DAYS) % 7 >= 5
    assert not daily.counts[five][:, weekend].any()
    holidays = sorted(daily.holidays)
    assert len(holidays) == 56
    third = daily.clean[daily.signal == 3].mean(axis=0)
    later = [day + 7 for day in holidays if day + 7 < noufaily_daily.DAYS and day + 7 not in daily.holidays]
    assert third[holidays].mean() / third[later].mean() == pytest.approx(2, abs=0.3)
    assert (daily.outbreak.sum(axis=1) > 0).all()
    assert not daily.outbreak[:, : noufaily_daily.DAYS - 343].any()
