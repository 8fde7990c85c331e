"""``whence detect``: what it writes, what it refuses and with which words, and that its picture is drawn."""

from __future__ import annotations

import csv
import gzip
import json
import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog

from whence import commands

HEAD = "queue,time,count\n"
START = date(2024, 1, 1)


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = commands.run_command(["detect", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def _days(count: int) -> list[str]:
    return [(START + timedelta(days=one)).isoformat() for one in range(count)]


def _two_queues(days: int = 100) -> list[tuple[str, str, int]]:
    random = np.random.default_rng(1)
    rows = []
    for queue, mean in (("app", 30), ("web", 8)):
        counts = random.poisson(mean, days)
        if queue == "web":
            counts[80:84] += 25
        rows += [(queue, day, int(count)) for day, count in zip(_days(days), counts, strict=True)]
    return rows


def _file(folder: Path, rows: list[tuple[str, str, int]], name: str = "in.csv") -> Path:
    text = HEAD + "".join(f"{queue},{time},{count}\n" for queue, time, count in rows)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def _read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


def test_every_row_gets_its_verdict_in_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _two_queues()
    code, out, err = _run(capsys, _file(tmp_path, rows), "--out", tmp_path / "out.csv", "--budget", 0.01, "--json")
    assert code == 0, err
    told = _read(tmp_path / "out.csv")
    assert list(told[0]) == ["queue", "time", "expected", "lower", "upper", "surprise", "spike_id"]
    assert [(one["queue"], one["time"]) for one in told] == [row[:2] for row in rows]
    (spike,) = json.loads(out)["spikes"]
    assert spike["series"] == {"queue": "web"}
    assert spike["start"] == "2024-03-21"
    assert spike["observed"] > spike["expected"] + 60
    assert {one["spike_id"] for one in told} == {"", spike["spike_id"]}
    assert all(one["queue"] == "web" for one in told if one["spike_id"])
    assert "in steps of 1 day" in err


def test_input_and_output_may_be_gzipped_and_sorted_by_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _two_queues()
    _run(capsys, _file(tmp_path, rows), "--out", tmp_path / "one.csv")
    by_time = sorted(rows, key=lambda row: row[1])
    code, _, err = _run(capsys, _file(tmp_path, by_time, "in.csv.gz"), "--out", tmp_path / "two.csv.gz")
    assert code == 0, err
    key = ("queue", "time")
    one, two = (
        {(row[key[0]], row[key[1]]): {**row, "surprise": "", "spike": bool(row["spike_id"])} for row in _read(path)}
        for path in (tmp_path / "one.csv", tmp_path / "two.csv.gz")
    )
    assert one == two


def test_later_rows_change_nothing_written_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _two_queues()
    _run(capsys, _file(tmp_path, rows), "--out", tmp_path / "whole.csv")
    prefix = [row for row in rows if row[1] <= "2024-03-22"]
    _run(capsys, _file(tmp_path, prefix), "--out", tmp_path / "prefix.csv")
    whole = [one for one in _read(tmp_path / "whole.csv") if one["time"] <= "2024-03-22"]
    assert whole == _read(tmp_path / "prefix.csv")
    assert any(one["spike_id"] for one in whole)


def test_hours_are_judged_by_the_detector_for_short_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = datetime(2024, 1, 1)  # noqa: DTZ001 a table without zones is what people have
    rows = [("a", (first + timedelta(hours=one)).isoformat(), 5) for one in range(48)]
    code, _, err = _run(capsys, _file(tmp_path, rows), "--out", tmp_path / "out.csv")
    assert code == 0, err
    assert "in steps of 1 hour" in err
    assert len(_read(tmp_path / "out.csv")) == 48


def test_a_series_of_one_column_and_an_empty_count_are_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.csv"
    path.write_text("time,count\n2024-01-01,3\n2024-01-08,\n2024-01-22,4\n2024-01-29,4\n\n")
    code, out, err = _run(capsys, path, "--out", tmp_path / "out.csv", "--json")
    assert code == 0, err
    assert json.loads(out)["step_s"] == 7 * 86_400
    assert [one["time"] for one in _read(tmp_path / "out.csv")] == [
        "2024-01-01",
        "2024-01-08",
        "2024-01-22",
        "2024-01-29",
    ]


def test_local_midnights_stay_days_when_clocks_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "time,count\n2024-03-30T00:00:00+01:00,3\n2024-03-31T00:00:00+01:00,3\n2024-04-01T00:00:00+02:00,4\n"
    )
    code, out, _ = _run(capsys, path, "--out", tmp_path / "out.csv", "--json")
    assert code == 0
    assert json.loads(out)["step_s"] == 86_400


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty; allowed is a table with the columns time and count"),
        ("day,number\n1,2\n", "line 1: there is no column time and no column count; the columns are day, number"),
        (
            "time,count,lower\n2024-01-01,1,a\n2024-01-02,1,a\n",
            "line 1: a column is named lower, as one of what is written",
        ),
        ("time,count\n", "there are no rows; allowed are two or more"),
        ("time,count\n2024-01-01,3\n", "there is one row; allowed are two or more"),
        ("time,count\n2024-01-01,3\n2024-01-02,-1\n", "line 3: count is '-1'; allowed is a whole number of at least 0"),
        ("time,count\n2024-01-01,3.5\n2024-01-02,1\n", "line 2: count is '3.5'; allowed is a whole number"),
        ("time,count\n2024-01-01,many\n2024-01-02,1\n", "line 2: count is 'many'; allowed is a whole number"),
        ("time,count\n2024-01-01,nan\n2024-01-02,1\n", "line 2: count is 'nan'; allowed is a whole number"),
        ("time,count\n2024-01-01,1\n2024-01-01,1\n", "line 3: this time comes twice in the series"),
        ("time,count\n2024-01-02,1\n2024-01-01,1\n", "line 3: this time lies before the row above it of the series"),
        ("time,count\nyesterday,1\n2024-01-01,1\n", "line 2: time is 'yesterday'; allowed is ISO 8601"),
        ("time,count\n2024-01-01,1\n,1\n", "line 3: time is ''; allowed is ISO 8601"),
        (
            "time,count\n2024-01-01,1\n2024-02-01,1\n2024-03-01,1\n2024-04-01,1\n",
            "line 4: this time is not a whole number of steps after the first row's; a step is 31 days in this file. Months",
        ),
        (
            "time,count\n2024-01-01T00:00,1\n2024-01-02T12:00,1\n",
            "rows are 36 hours apart; allowed are steps of 1 second",
        ),
        ("q,time,count\na,2024-01-01,1\nb,2024-01-01,1\n", "every series has one row only; allowed are two or more"),
        ("time,count\n2024-01-01,1\n2024-01-02\n", "this is no CSV table"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(text)
    code, _, err = _run(capsys, path, "--out", tmp_path / "out.csv")
    assert code == 4
    assert said in err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--budget", "0", "--budget is 0; allowed is more than 0, at most 1000 false spikes a week"),
        ("--panels", "0", "--panels is 0; allowed is 1 to 24"),
        ("--plot", "spikes.gif", "--plot is spikes.gif; allowed is a name that ends in .png, .svg, .pdf"),
    ],
)
def test_options_out_of_range_are_refused(
    option: str, value: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = _run(capsys, _file(tmp_path, _two_queues(5)), "--out", tmp_path / "out.csv", option, value)
    assert code == 2
    assert said in err


def test_a_missing_file_and_a_wrong_holiday_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, tmp_path / "none.csv", "--out", tmp_path / "out.csv")
    assert (code, "there is no such file" in err) == (4, True)
    holidays = tmp_path / "holidays.txt"
    holidays.write_text("date\n2024-12-25,Christmas\n25 December\n")
    code, _, err = _run(capsys, _file(tmp_path, _two_queues(5)), "--out", tmp_path / "out.csv", "--holidays", holidays)
    assert code == 4
    assert "line 3: '25 December' is no date; allowed is 2026-12-25" in err


@pytest.mark.parametrize(("ending", "starts"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_data_give_the_same_picture(
    ending: str, starts: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _file(tmp_path, _two_queues(40))
    names = [f"{one}.{ending}" for one in ("one", "two")]
    for name in names:
        code, _, err = _run(capsys, path, "--out", tmp_path / "out.csv", "--plot", tmp_path / name, "--panels", 1)
        assert code == 0, err
    one, two = ((tmp_path / name).read_bytes() for name in names)
    assert one.startswith(starts)
    assert one == two
