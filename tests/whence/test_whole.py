"""The command line's long ways: a folder through Kafka and the parts as processes, and the demo's check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sources.mapping import load_mapping
from sources.stories.folder import write_story
from sources.stories.story import make_story
from tests.clickhouse_server import clickhouse_server
from tests.kafka import apache_kafka
from tests.processes import Processes, Slot

ROOT = Path(__file__).parents[2]


def _whence(*arguments: str, within_s: float = 240, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "whence", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WHENCE_")}
    return subprocess.run(
        command, env={**clean, **environ}, cwd=ROOT, capture_output=True, text=True, check=False, timeout=within_s
    )


@pytest.mark.kafka
@pytest.mark.slow
def test_replay_through_the_parts_exports_what_a_backtest_writes(tmp_path: Path) -> None:
    folder = tmp_path / "story"
    story = make_story(1, weeks_of_history=2, live_days=1, contacts_per_day=500, bucket_s=3_600)
    write_story(story, folder)
    mapping = str(folder / "mapping.toml")
    done = _whence("backtest", str(folder), "-m", mapping, "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    wanted = (tmp_path / "out" / "attributions.csv").read_text().splitlines()
    assert len(wanted) > 1
    workspaces = [load_mapping(folder / "mapping.toml").workspace]
    with (
        apache_kafka() as broker,
        clickhouse_server(tmp_path / "store") as store,
        Processes(tmp_path / "parts", broker.servers, workspaces, store=store) as parts,
    ):
        parts.whence("migrate")
        for part in ("admit", "agents", "sink"):
            parts.start(Slot(part))
        parts.whence("replay", str(folder), "-m", mapping)
        exported = tmp_path / "exported.csv"
        deadline = time.monotonic() + 300
        found: list[str] = []
        while found != wanted and time.monotonic() < deadline:
            parts.tend()
            parts.whence("export", "attributions", "--final", "--out", str(exported))
            found = exported.read_text().splitlines()
        assert found == wanted


def _checked(*seeds: str) -> list[tuple[int, str]]:
    """Exit code and verdicts of ``demo --check`` on some seeds, side by side."""
    with ThreadPoolExecutor(len(seeds)) as pool:
        done = list(pool.map(lambda seed: _whence("demo", "--check", "--json", seed, within_s=850), seeds))
    found = []
    for one in done:
        said = json.loads(one.stdout)
        assert said["passed"] == (one.returncode == 0)
        told = [(verdict["cause"], verdict["said"], verdict["right"]) for verdict in said["verdicts"]]
        assert not any(verdict["blamed"] for verdict in said["verdicts"]), f"seed {said['seed']} blames a decoy: {told}"
        found.append((one.returncode, f"seed {said['seed']}: {told}"))
    return found


@pytest.mark.slow
@pytest.mark.timeout(1_800)  # two hundred CPU seconds, twice if need be, on a machine that may be busy
def test_check_passes_on_the_fixed_seed_and_on_a_fresh_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 23 fresh stories two failed (docs/attribution.md): where this one does, two more must pass. At that rate the test fails
    once in seventy runs; where every other story failed it would in three of eight. A decoy may be blamed in none."""
    (code, told), (fresh_code, fresh_told) = _checked("--seed=1", "--fresh-seed")
    assert code == 0, told
    if fresh_code != 0:
        with capsys.disabled():
            sys.stdout.write(f"\nfailed, two more are told: {fresh_told}\n")
        again = _checked("--fresh-seed", "--fresh-seed")
        assert [code for code, _ in again] == [0, 0], (fresh_told, *again)
