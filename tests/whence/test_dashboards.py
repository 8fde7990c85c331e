"""``whence dashboards``, as it is typed, against a server that behaves like Grafana."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.dashboards.grafana_server import TOKEN, FakeGrafana, running
from tests.tls_front import tls_front
from whence.commands import run_command
from whence.doctor import diagnose
from whence.errors import Exit
from whence.settings import load_settings


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


def test_grafana_behind_tls_with_an_authority_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    monkeypatch.setenv("WHENCE_GRAFANA_TOKEN", TOKEN)
    monkeypatch.setenv("WHENCE_GRAFANA_STORE_PASSWORD", "only to read")
    publish = ["dashboards", "publish", "--no-annotations", "--dry-run"]
    with running(FakeGrafana().app()) as url, tls_front(int(url.rpartition(":")[2]), *ours.sign("grafana")) as port:
        place = f"https://127.0.0.1:{port}"
        monkeypatch.setenv("WHENCE_GRAFANA_URL", place)
        monkeypatch.setenv("WHENCE_GRAFANA_CA_FILE", str(ours.ca))
        assert run_command(publish) == Exit.OK
        assert _doctors() == (False, f"{place} answers 404")  # this stand-in has no /api/org
        monkeypatch.setenv("WHENCE_GRAFANA_CA_FILE", str(other.ca))
        capsys.readouterr()
        assert run_command(publish) == Exit.AWAY
        assert capsys.readouterr().err == (
            f"whence: {place} does not prove who it is: certificate verify failed: unable to get local issuer certificate. "
            "Set grafana.ca_file to the authority it is signed by.\n"
        )
        assert _doctors() == (
            False,
            f"the certificate of {place} is not trusted: unable to get local issuer certificate",
        )


def _doctors() -> tuple[bool, str]:
    (found,) = (one for one in diagnose(load_settings()) if one.check == "grafana")
    return found.ok, found.detail


def test_publish_without_an_address_says_which_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["dashboards", "publish"]) == Exit.USAGE
    assert "grafana.url or its token is missing; allowed is an address such as http://127.0.0.1:3000" in capsys.readouterr().err  # fmt: skip


def test_render_writes_what_grafana_reads_at_its_start(tmp_path: Path) -> None:
    assert run_command(["dashboards", "render", str(tmp_path)]) == Exit.OK
    assert len(list((tmp_path / "dashboards").iterdir())) == 6
    assert (tmp_path / "provisioning" / "alerting" / "whence.yaml").exists()
