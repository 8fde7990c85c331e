"""``whence alerts check`` and ``whence feedback``: what they show, and what they refuse."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from schemas.broker import Broker
from streams.deliver.courier import Courier
from tests.receivers import http_receiver
from whence import commands
from whence.alerts import courier_of, link_secret
from whence.doctor import diagnose
from whence.errors import SettingsError
from whence.settings import Settings, load_settings, shown_settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "alerts.toml"
NAMES = ("PAYMENTS_CHAT", "OPERATIONS_MAIL", "ON_CALL_PAGER", "MARKETING_MAIL", "STATUS_BOARD")
SECRETS = {f"WHENCE_CHANNELS_{name}_SECRET": "mailto://user:geheim789@mail.example.com" for name in NAMES}


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run_command(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


def given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def test_the_example_is_fine_and_says_who_would_be_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch)
    code, out, err = _run(capsys, "alerts", "check", str(EXAMPLE))
    assert code == 0
    assert err.splitlines() == [
        "Causes without an owner go to operations.",
        f"{EXAMPLE} is fine: 5 channel(s), 4 team(s), 4 audience(s).",
    ]
    assert "operations after 30 min; on-call after 90 min" in out
    assert "geheim789" not in out + err


def test_missing_secrets_and_causes_that_reach_nobody_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("alerts.toml").write_text(
        '[channels.a]\nkind = "webhook"\nurl = "https://a.example/"\n[teams.t]\nchannels = ["a"]\n'
        '[audiences.x]\nteams = ["t"]\nkinds = ["release", "promotion", "policy", "price", "incident", "automation", "capacity", "unknown"]\n',
        encoding="utf-8",
    )
    code, _, err = _run(capsys, "alerts", "check", "alerts.toml")
    assert code == 1
    assert err.splitlines() == [
        "Causes without an owner go to nobody.",
        "alerts.toml: channels.a has no secret; set WHENCE_CHANNELS_A_SECRET or WHENCE_CHANNELS_A_SECRET_FILE to the key that its messages are signed with.",
        "alerts.toml: alerts about measurement reach nobody.",
        "whence: 2 thing(s) to mend in alerts.toml",
    ]


def test_data_is_printed_without_secrets(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch)
    code, out, _ = _run(capsys, "alerts", "check", str(EXAMPLE), "--json")
    assert (code, json.loads(out)["problems"]) == (0, [])
    assert "geheim789" not in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("alerts", "check"), "whence: there is no routing file; name one, or set alerts.routing\n"),
        (("alerts", "check", "no.toml"), "whence: alerts.routing names no.toml, which cannot be read: No such file or directory\n"),
    ],
)  # fmt: skip
def test_no_file_is_said_so(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str) -> None:
    code, _, err = _run(capsys, *arguments)
    assert (code, err) == (2, sentence)


def settings(**environ: str) -> Settings:
    return load_settings(environ={"WHENCE_ALERTS_ROUTING": str(EXAMPLE), **SECRETS, **environ})


def test_secrets_of_channels_are_never_shown() -> None:
    found = settings(WHENCE_ALERTS_LINK_SECRET="links-geheim789")
    assert "geheim789" not in json.dumps(shown_settings(found)) + repr(found) + repr(found.alerts)


def test_a_secret_in_the_settings_file_is_refused() -> None:
    Path("whence.toml").write_text('[channels]\nops_secret = "slack://x"\n', encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings(environ={})
    assert "WHENCE_CHANNELS_OPS_SECRET" in str(refused.value)
    assert "slack" not in str(refused.value)


def test_a_channel_setting_that_is_no_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"channels\.ops_url is not a setting"):
        load_settings(environ={"WHENCE_CHANNELS_OPS_URL": "slack://x"})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("slack://from-a-file\n", encoding="utf-8")
    found = load_settings(environ={"WHENCE_CHANNELS_OPS_SECRET_FILE": str(tmp_path / "secret")})
    assert found.channels["ops_secret"].get_secret_value() == "slack://from-a-file"


def test_a_secret_of_no_channel_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match="WHENCE_CHANNELS_OTHER_SECRET belongs to no channel of the routing file"):
        courier_of(settings(WHENCE_CHANNELS_OTHER_SECRET="x"), Broker(servers="127.0.0.1:9"), ())


def test_the_courier_is_made_from_the_settings() -> None:
    assert isinstance(courier_of(settings(), Broker(servers="127.0.0.1:9"), ()), Courier)
    with pytest.raises(SettingsError, match=r"alerts\.routing is missing"):
        courier_of(load_settings(environ={}), Broker(servers="127.0.0.1:9"), ())


def test_one_process_makes_its_own_link_secret_and_keeps_it() -> None:
    alone = load_settings(environ={})
    assert len(link_secret(alone)) == 64
    assert link_secret(alone) == link_secret(alone)
    assert link_secret(load_settings(environ={"WHENCE_BROKER_SERVERS": "kafka:9092"})) == ""


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("s1", "shout"), 2, "'shout' is not one of 'confirm', 'reject', 'reassign', 'own'"),
        (("s1", "own", "payments"), 3, "The page at http://127.0.0.1:9/api/feedback does not answer (ConnectError). The broker is embedded, so whence up has to run; or set broker.servers."),
    ],
)  # fmt: skip
def test_feedback_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.setenv("WHENCE_WEB_PORT", "9")
    ended, _, err = _run(capsys, "feedback", *arguments)
    assert ended == code
    assert sentence in err


def test_feedback_needs_a_workspace_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    Path("whence.toml").write_text('[[workspaces]]\nname = "a"\n[[workspaces]]\nname = "b"\n', encoding="utf-8")
    code, _, err = _run(capsys, "feedback", "s1", "confirm")
    assert (code, err) == (2, "whence: --workspace is missing; allowed is one of a, b\n")


def test_doctor_looks_at_the_routing_file() -> None:
    (fine,) = [one for one in diagnose(settings()) if one.check == "alerts"]
    assert (fine.ok, fine.detail) == (True, f"5 channel(s), 4 team(s), 4 audience(s) in {EXAMPLE}")
    broken = load_settings(environ={"WHENCE_ALERTS_ROUTING": str(EXAMPLE)})
    (wrong,) = [one for one in diagnose(broken) if one.check == "alerts"]
    assert (wrong.ok, wrong.remedy) == (False, "Run whence alerts check: 5 thing(s) to mend.")
    assert wrong.detail.startswith("channels.payments-chat has no secret; set WHENCE_CHANNELS_PAYMENTS_CHAT_SECRET")


def test_a_trial_message_reaches_the_channels_and_names_those_it_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_receiver() as fine, http_receiver(lambda _: 500) as broken:
        Path("alerts.toml").write_text(
            f'[channels.fine]\nkind = "webhook"\nurl = "{fine.url}"\n[channels.broken]\nkind = "webhook"\nurl = "{broken.url}"\n',
            encoding="utf-8",
        )
        monkeypatch.setenv("WHENCE_ALERTS_ROUTING", "alerts.toml")
        monkeypatch.setenv("WHENCE_CHANNELS_FINE_SECRET", "x")
        monkeypatch.setenv("WHENCE_CHANNELS_BROKEN_SECRET", "y")
        assert _run(capsys, "alerts", "try", "fine")[::2] == (0, "fine: taken.\n")
        code, _, err = _run(capsys, "alerts", "try")
        assert (code, err) == (
            1, "broken: it answered 500.\nfine: taken.\nwhence: 1 channel(s) did not take it: broken\n",
        )  # fmt: skip
        assert _run(capsys, "alerts", "try", "other")[::2] == (
            2, "whence: there is no channel 'other'; there are broken, fine\n",
        )  # fmt: skip
        assert [got.facts()["event"] for got in fine.wait(2)] == ["try", "try"]
