"""Publishing, against a real HTTP server that behaves like Grafana."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from dashboards.boards import BOARDS
from dashboards.drawing import SOURCE
from dashboards.grafana_client import NEEDS, connect
from dashboards.notes import Note, notes
from dashboards.publish import Step, StoreAddress, publish, source_data
from dashboards.query import Query
from dashboards.rules import RULES
from schemas.errors import FatalError
from tests.dashboards.grafana_server import TOKEN, FakeGrafana, not_grafana, running

UID = str(SOURCE.uid)
ROOT = Path(__file__).parents[2]
STORE = StoreAddress(password="only to read")
NOTES = (
    Note(workspace="acme", key="spike:s1", kind="release", time=1_000, time_end=9_000, text="App 5.2.0"),
    Note(workspace="acme", key="change:c1", kind="policy", time=500, time_end=500, text="policy: returns"),
)


@pytest.fixture
def grafana() -> FakeGrafana:
    return FakeGrafana()


@pytest.fixture
def url(grafana: FakeGrafana) -> Iterator[str]:
    with running(grafana.app()) as address:
        yield address


def run(url: str, *, said: Sequence[Note] | None = NOTES, store: StoreAddress = STORE, token: str = TOKEN, dry_run: bool = False) -> list[Step]:  # fmt: skip
    return list(publish(connect(url, token, timeout_s=5), store, said, dry_run=dry_run))


def actions(steps: Sequence[Step]) -> dict[str, int]:
    return dict(Counter(step.action for step in steps))


def refusal(url: str, **options: object) -> str:
    with pytest.raises(FatalError) as refused:
        run(url, **options)  # type: ignore[arg-type]
    return re.sub(r"http://127\.0\.0\.1:\d+", "URL", str(refused.value))


def test_everything_is_published_in_its_place(grafana: FakeGrafana, url: str) -> None:
    steps = run(url)
    assert actions(steps) == {"created": 2 + len(BOARDS) + len(RULES) + len(NOTES)}
    assert grafana.folders["whence"]["title"] == "Whence"
    assert grafana.sources[UID]["secureJsonFields"] == {"password": True}
    assert {board["meta"]["folderUid"] for board in grafana.boards.values()} == {"whence"}
    assert {(rule["folderUID"], rule["ruleGroup"], "provenance" in rule) for rule in grafana.rules.values()} == {("whence", "whence", False)}  # fmt: skip
    assert sorted(note["text"] for note in grafana.notes.values()) == ["App 5.2.0", "policy: returns"]


def test_a_second_run_changes_nothing(grafana: FakeGrafana, url: str) -> None:
    run(url)
    grafana.writes.clear()
    assert set(actions(run(url))) == {"same"}
    assert grafana.writes == []


def test_a_dry_run_changes_nothing_and_shows_what_differs(grafana: FakeGrafana, url: str) -> None:
    assert set(actions(run(url, dry_run=True))) == {"created"}
    assert grafana.writes == []
    run(url)
    grafana.boards["whence-now"]["dashboard"]["refresh"] = "1d"
    grafana.writes.clear()
    steps = [step for step in run(url, dry_run=True) if step.action != "same"]
    assert [(step.what, step.name, step.action) for step in steps] == [("dashboard", "Whence: now", "changed")]
    assert '-  "refresh": "1d",\n+  "refresh": "30s",' in steps[0].diff
    assert grafana.writes == []


def test_what_somebody_changed_is_brought_back(grafana: FakeGrafana, url: str) -> None:
    run(url)
    grafana.boards["whence-now"]["dashboard"]["title"] = "Mine"
    grafana.rules["whence-behind"]["for"] = "1h"
    grafana.sources[UID]["jsonData"]["host"] = "elsewhere"
    assert actions(run(url))["changed"] == 3
    assert grafana.boards["whence-now"]["dashboard"]["version"] == 2
    assert grafana.rules["whence-behind"]["for"] == "5m"
    assert set(actions(run(url))) == {"same"}


def test_annotations_follow_what_the_store_says(grafana: FakeGrafana, url: str) -> None:
    grafana.notes[7] = {"id": 7, "time": 1, "timeEnd": 1, "tags": ["deploy"], "text": "not ours"}
    grafana.notes[8] = {"id": 8, "time": 1, "timeEnd": 1, "tags": ["whence", "workspace:other", "spike:x"], "text": "another workspace's"}  # fmt: skip
    run(url)
    later = (replace(NOTES[0], time_end=12_000),)
    assert actions([step for step in run(url, said=later) if step.what == "annotation"]) == {"changed": 1, "removed": 1}
    assert sorted(note["timeEnd"] for note in grafana.notes.values()) == [1, 1, 12_000]
    assert [step for step in run(url, said=None) if step.what == "annotation"] == []


def test_annotations_come_from_spikes_and_changes_of_the_store(filled: Query) -> None:
    found = {note.key: note for note in notes(filled)}
    assert found["spike:sp-login"].text.startswith("Release App 5.2.0 (mobile-core) caused 231 more contacts")
    assert "kind:release" in found["spike:sp-login"].tags
    assert found["change:returns-30"].text == "policy: Returns within 30 days (legal)"
    assert found["spike:sp-sale"].time_end - found["spike:sp-sale"].time == 3.5 * 3_600_000


def test_what_files_provide_is_left_to_them(grafana: FakeGrafana, url: str) -> None:
    run(url)
    grafana.boards["whence-now"]["meta"]["provisioned"] = True
    grafana.sources[UID]["readOnly"] = True
    grafana.rules["whence-behind"]["provenance"] = "file"
    grafana.writes.clear()
    assert actions(run(url))["left to its file"] == 3
    assert grafana.writes == []


def test_an_address_below_a_path_is_used_as_it_is() -> None:
    assert connect("https://company.example/grafana/", "t").api.url == "https://company.example/grafana/api"
    assert connect("http://127.0.0.1:3000", "t").api.url == "http://127.0.0.1:3000/api"


def test_a_grafana_that_is_away_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert refusal(f"http://127.0.0.1:{port}") == "URL does not answer: Connection refused. Start Grafana, or correct grafana.url."  # fmt: skip


def test_a_wrong_token_says_how_to_get_a_right_one(url: str) -> None:
    assert refusal(url, token="wrong") == (
        "URL does not take the token. Make a service account with the role Admin, and set WHENCE_GRAFANA_TOKEN to a token of it."
    )


def test_a_token_that_may_only_look_is_refused_before_anything_is_changed(grafana: FakeGrafana, url: str) -> None:
    grafana.roles["looker"] = "Viewer"
    assert refusal(url, token="looker") == "The token may not read its plugins at URL. Give its service account the role Admin."  # fmt: skip
    assert grafana.writes == []


def test_something_that_is_not_grafana_is_told_apart() -> None:
    with running(not_grafana()) as address:
        assert refusal(address) == (
            "URL answers, but not as Grafana does. Correct grafana.url, with the path that Grafana is served under, if any."
        )


def test_a_missing_plugin_is_named_with_the_command(grafana: FakeGrafana, url: str) -> None:
    grafana.plugins.clear()
    assert refusal(url) == (
        "Grafana has no plugin grafana-clickhouse-datasource. Install it: grafana cli plugins install grafana-clickhouse-datasource 4.20.0"
    )


@pytest.mark.parametrize("version", ["11.5.9", "10.4.0", "9.0.1"])
def test_an_older_grafana_is_refused(version: str, grafana: FakeGrafana, url: str) -> None:
    grafana.version = version
    assert refusal(url) == f"This is Grafana {version}; the dashboards are built for 11.6. Upgrade it to 11.6 or newer."


def test_a_newer_grafana_or_one_that_hides_its_version_is_taken(grafana: FakeGrafana, url: str) -> None:
    for grafana.version in ("12.0.1", ""):
        assert run(url)


def test_a_dashboard_saved_by_somebody_else_meanwhile_is_not_overwritten(grafana: FakeGrafana, url: str) -> None:
    run(url)
    grafana.boards["whence-now"]["dashboard"]["refresh"] = "1d"
    grafana.meddle = True
    assert refusal(url) == (
        "URL did not take the dashboard 'Whence: now': The dashboard has been changed by someone else. Run it again; what was published stays."
    )


def test_a_name_that_is_taken_is_said(grafana: FakeGrafana, url: str) -> None:
    grafana.sources["mine"] = {"uid": "mine", "name": "Whence"}
    assert refusal(url) == (
        "URL did not take the data source 'Whence': it answers 409 data source with the same name already exists. "
        "What was published stays; look into Grafana's log."
    )


def test_a_data_source_needs_its_password_once(grafana: FakeGrafana, url: str) -> None:
    assert refusal(url, store=StoreAddress()) == (
        "The data source is not there yet, and nobody has said its password. "
        "Set WHENCE_GRAFANA_STORE_PASSWORD to the one of ClickHouse's user that may only read."
    )
    run(url)
    assert set(actions(run(url, store=StoreAddress()))) == {"same"}


def test_the_password_is_never_shown() -> None:
    assert "only to read" not in repr(STORE)


def test_the_data_source_is_the_one_that_files_provide() -> None:
    text = (ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "whence.yaml").read_text(encoding="utf-8")
    provided = yaml.safe_load(text)["datasources"][0]
    assert {name: provided[name] for name in source_data(STORE)} == source_data(STORE)


def test_the_version_asked_for_is_that_of_the_sdk() -> None:
    sdk = re.search(r"grafana-foundation-sdk==\d+!(\d+)\.(\d+)\.", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))  # fmt: skip
    assert sdk is not None
    assert (int(sdk[1]), int(sdk[2])) == NEEDS
