"""``whence dashboards``, as it is typed, against a server that behaves like Grafana."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dashboards.grafana_server import TOKEN, FakeGrafana, running
from whence.commands import run_command
from whence.errors import Exit


def test_publish_says_what_it_did_and_then_that_nothing_is_left_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("WHENCE_GRAFANA_TOKEN", TOKEN)
    monkeypatch.setenv("WHENCE_GRAFANA_STORE_PASSWORD", "only to read")
    with running(FakeGrafana().app()) as url:
        monkeypatch.setenv("WHENCE_GRAFANA_URL", url)
        assert run_command(["dashboards", "publish", "--no-annotations", "--dry-run"]) == Exit.OK
        assert "13 of 13 would change." in capsys.readouterr().err
        assert run_command(["dashboards", "publish", "--no-annotations"]) == Exit.OK
        assert "13 of 13 changed." in capsys.readouterr().err
        assert run_command(["dashboards", "publish", "--no-annotations", "--json"]) == Exit.OK
    said = capsys.readouterr()
    assert {step["action"] for step in json.loads(said.out)} == {"same"}
    assert "only to read" not in said.out + said.err


def test_publish_without_an_address_says_which_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["dashboards", "publish"]) == Exit.USAGE
    assert "grafana.url or its token is missing; allowed is an address such as http://127.0.0.1:3000" in capsys.readouterr().err  # fmt: skip


def test_render_writes_what_grafana_reads_at_its_start(tmp_path: Path) -> None:
    assert run_command(["dashboards", "render", str(tmp_path)]) == Exit.OK
    assert len(list((tmp_path / "dashboards").iterdir())) == 6
    assert (tmp_path / "provisioning" / "alerting" / "whence.yaml").exists()
