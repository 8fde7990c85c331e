"""The command line: what is said when something is wrong, how commands end, and what they print."""

from __future__ import annotations

import csv
import errno
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import structlog

from schemas.errors import FatalError, RejectedEvent, RetryableError, TooMuchRefused
from whence import commands
from whence.commands import keeping
from whence.errors import EXIT_MEANINGS, CheckFailed, DataRefused, Exit, SettingsError, exit_code

MAPPING = """
[workspace]
name = "shop"
bucket_s = 3600
lateness_s = 0
dimensions = ["topic"]
[[files]]
glob = "questions.csv"
topic = "tickets"
[files.fields]
event_id = "id"
contact = "id"
occurred_at = "at"
topic = "topic"
text = "text"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WHENCE_")]:
        monkeypatch.delenv(name)
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True, handlers=[])


def _exports(folder: Path, rows: int = 400) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "mapping.toml").write_text(MAPPING)
    lines = ["id,at,topic,text"]
    lines += [f"{i},2026-01-{1 + i // 24:02d}T{i % 24:02d}:00:00Z,login,it hangs" for i in range(rows)]
    (folder / "questions.csv").write_text("\n".join(lines) + "\n")
    return folder


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run_command(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("x"), 2),
        (CheckFailed("x"), 1),
        (DataRefused("x"), 4),
        (RejectedEvent("bad_time", field="f", value="v", allowed="a"), 4),
        (FatalError("x", remedy="y"), 3),
        (TooMuchRefused("x", remedy="y"), 4),
        (RetryableError("x", retry_after_s=1), 3),
        (OSError(28, "No space left on device"), 3),
        (ValueError("x"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_help_names_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--help")
    assert code == 0
    for name in ("up", "demo", "run", "replay", "backtest", "export", "migrate", "quality", "doctor", "settings"):
        assert f" {name} " in out
    for exit_ in Exit:
        assert f" {exit_.value} " in out


def test_operations_page_states_every_exit_code() -> None:
    text = (Path(commands.__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    for code, meaning in EXIT_MEANINGS.items():
        assert f"| {code.value} | {meaning} |" in text


@pytest.mark.parametrize("command", ["up", "demo", "run", "replay", "backtest", "export", "migrate", "quality", "doctor", "settings", "story"])  # fmt: skip
def test_help_of_every_command_has_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = _run(capsys, command, "--help")
    assert code == 0
    assert f"whence {command}" in out.split("Examples")[1]


def test_help_loads_no_engine() -> None:
    heavy = "('chdb', 'faust', 'great_expectations', 'pandas')"
    program = f"import sys, whence.commands; sys.exit(', '.join(m for m in {heavy} if m in sys.modules) or None)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["bogus"], 2, "whence: No such command 'bogus'. See whence --help."),
        (["run", "everything"], 2, "whence: Invalid value for 'part'"),
        (["run"], 2, "whence: Missing argument 'part'. Choose from: admit, agents, alerts, sink, quality, web. See whence run --help.\n"),
        (["up", "--prot", "1"], 2, "whence: No such option: --prot (Possible options: --port). See whence up --help.\n"),
        (["alerts", "tell"], 2, "whence: No such command 'tell'. See whence alerts --help.\n"),
        (["backtest"], 2, "whence: Missing argument 'folder'. See whence backtest --help.\n"),
        (["why", "3f2a"], 3, "whence: There is no store in the folder var/store yet. whence up and whence migrate make one; or set store.path or store.host to where it is.\n"),
        (["quality"], 3, "whence: There is no store in the folder var/store yet."),
        (["export", "spikes", "--out", "x.csv"], 3, "whence: There is no store in the folder var/store yet."),
        (["demo", "--seed", "x"], 2, "whence: Invalid value for '--seed'"),
        (["settings", "--config", "/no/such.toml"], 2, "whence: the settings file /no/such.toml cannot be read: No such file or directory; give another with --config"),
        (["settings", "--log-level", "loud"], 2, "whence: log.level (from the command line) is 'loud'; allowed is 'debug', 'info', 'warning' or 'error'"),
        (["run", "admit"], 2, "whence: broker.servers is embedded, which only whence up can use; allowed with run admit is host:port"),
        (["run", "web"], 2, "whence: the store is embedded in var/store, which only one process can open; allowed with run web is a ClickHouse server: set store.host"),
        (["migrate", "--to", "99"], 2, "whence: --to is 99; allowed is 0 to "),
        (["export", "contacts", "--since", "yesterday"], 2, "whence: --since is 'yesterday'; allowed is a time such as 2026-03-01 or 2026-03-01T12:00:00Z"),
        (["export", "contacts", "--final"], 2, "whence: --final is for attributions; contacts have no final revision"),
        (["backtest", "nowhere", "-m", "no.toml", "-o", "out"], 4, "whence: The mapping no.toml cannot be read: No such file or directory. Check the path."),
        (["replay", "nowhere", "-m", "no.toml"], 4, "whence: The mapping no.toml cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_each_mistake_is_one_clear_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    found, out, err = _run(capsys, *arguments)
    assert (found, out) == (code, "")
    assert err.startswith(sentence)
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert not list(Path().iterdir())


def test_options_of_the_program_may_stand_after_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[web]\nport = 4242")
    for arguments in (["--config", "other.toml", "settings", "--json"], ["settings", "--json", "--config=other.toml"]):
        assert json.loads(_run(capsys, *arguments)[1])["web"]["port"] == 4242


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["settings"], "info"),
        (["demo", "--check"], "warning"),
        (["demo", "--check", "--log-level", "info"], "info"),
        (["--log-level", "debug", "demo", "--check"], "debug"),
    ],
    ids=" ".join,
)
def test_the_demo_does_not_log_what_only_an_operator_wants(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], level: str
) -> None:
    heard: list[str] = []
    monkeypatch.setattr("whence.commands.base.set_up_logging", lambda level, form: heard.append(level))
    monkeypatch.setattr("whence.check.run_check", lambda *_, **__: None)
    assert _run(capsys, *arguments)[0] == 0
    assert heard == [level]


def test_debug_shows_where_an_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = _run(capsys, "run", "admit", "--debug")
    assert "Traceback" in err


def test_a_mistake_of_ours_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "shown_settings", lambda settings: int("one"))
    code, _, err = _run(capsys, "settings")
    assert code == 70
    assert (
        err
        == "whence: a mistake of Whence itself (ValueError: invalid literal for int() with base 10: 'one'); --debug shows where\n"
    )


def test_settings_show_no_secret(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_STORE_PASSWORD", "hunter22hunter22")
    monkeypatch.setenv("WHENCE_ADMIT_CUSTOMER_KEY", "hunter22hunter22")
    for arguments in (["settings"], ["settings", "--json"], ["settings", "--debug"]):
        code, out, err = _run(capsys, *arguments)
        assert code == 0
        assert "********" in out
        assert "hunter22" not in out + err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(_run(capsys, "version", "--json")[1]) == {"version": "0.1.0"}


def test_backtest_writes_both_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = _exports(tmp_path / "exports")
    code, out, err = _run(capsys, "backtest", str(folder), "-m", str(folder / "mapping.toml"), "-o", "out", "--json")
    assert code == 0
    assert json.loads(out)["events"] == 400
    assert err.endswith("spike(s) in 400 events; written to out/attributions.csv and out/spikes.csv.\n")
    with (tmp_path / "out" / "attributions.csv").open(newline="") as file:
        assert csv.DictReader(file).fieldnames == [
            *("spike_id", "slice", "onset", "end", "expected", "observed"),
            *("cause_kind", "cause_key", "probability", "excess", "excess_low", "excess_high"),
        ]
    assert (tmp_path / "out" / "spikes.csv").read_text().startswith("spike_id,stream,slice,state,merged_into,")


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--budget", "0", "whence: --budget is 0; allowed is more than 0, at most 1000 false spikes a week"),
        ("--bucket", "2w", "whence: --bucket is '2w'; allowed is 1s to 1d, written as 90, 90s, 5m, 1h or 1d"),
        ("--bucket", "0", "whence: --bucket is '0'; allowed is 1s to 1d, written as 90, 90s, 5m, 1h or 1d"),
    ],
)
def test_backtest_refuses_options_out_of_range(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, value: str, sentence: str
) -> None:
    folder = _exports(tmp_path / "exports")
    code, _, err = _run(capsys, "backtest", str(folder), "-m", str(folder / "mapping.toml"), "-o", "out", option, value)
    assert (code, err) == (2, sentence + "\n")


def test_refused_rows_are_counted_aloud(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = _exports(tmp_path / "exports", rows=30)
    with (folder / "questions.csv").open("a") as file:
        file.write("31,never,login,x\n")
    code, _, err = _run(capsys, "backtest", str(folder), "-m", str(folder / "mapping.toml"), "-o", "out")
    assert code == 0
    assert "1 row(s) of questions.csv were refused; the first: " in err


@pytest.mark.parametrize("text", ["", None], ids=["empty", "header only"])
def test_a_folder_without_an_event_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None
) -> None:
    folder = _exports(tmp_path / "exports", rows=3)
    questions = folder / "questions.csv"
    questions.write_text(questions.read_text().splitlines()[0] + "\n" if text is None else text)
    code, out, err = _run(capsys, "backtest", str(folder), "-m", str(folder / "mapping.toml"), "-o", "out")
    assert (code, out) == (4, "")
    told = f"whence: There is no event in {folder}: its files hold no rows, or the mapping's where takes none\n"
    assert err.endswith(told)
    assert not (tmp_path / "out" / "spikes.csv").exists()


def test_missing_column_is_refused_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = _exports(tmp_path / "exports")
    mapping = folder / "mapping.toml"
    mapping.write_text(mapping.read_text().replace('topic = "topic"\ntext', 'topic = "category"\ntext'))
    code, _, err = _run(capsys, "backtest", str(folder), "-m", str(mapping), "-o", "out")
    assert code == 4
    assert "category" in err
    assert "Traceback" not in err


def test_output_folder_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = _exports(tmp_path / "exports")
    (tmp_path / "out").write_text("a file")
    code, _, err = _run(capsys, "backtest", str(folder), "-m", str(folder / "mapping.toml"), "-o", "out")
    assert (code, err) == (3, "whence: out: File exists\n")


@pytest.mark.parametrize("filename", [None, "out/spikes.csv"])
def test_a_full_disk_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, filename: str | None
) -> None:
    def full(_settings: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", filename)

    monkeypatch.setattr(keeping, "shown_settings", full)
    place = "" if filename is None else "out/spikes.csv: "
    told = f"whence: {place}no space is left on the disk that is written to. Free some, or write elsewhere.\n"
    assert _run(capsys, "settings") == (3, "", told)


def test_no_clickhouse_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_STORE_HOST", "127.0.0.1")
    monkeypatch.setenv("WHENCE_STORE_PORT", "1")
    code, _, err = _run(capsys, "migrate")
    assert code == 3
    assert err.startswith("whence: No ClickHouse answers at 127.0.0.1:1")
    assert err.count("\n") == 1


def test_port_taken_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, err = _run(capsys, "up", "--port", str(port))
    assert code == 3
    assert err == (
        f"whence: port {port} on 127.0.0.1 is taken by another process. "
        "Stop that one, or set web.port to another (0 takes any free port).\n"
    )


@contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    environ = {**os.environ, "PYTHONPATH": str(Path(commands.__file__).parents[2])}
    command = [sys.executable, "-m", "whence", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def _lines_until(process: subprocess.Popen[str], words: str) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if words in line:
            return


def _interrupted(process: subprocess.Popen[str]) -> tuple[float, str]:
    """Seconds until the end after Ctrl-C, and what was still said."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    return time.monotonic() - began, err


def test_up_says_that_its_log_is_in_memory_lends_its_store_to_readers_and_ends_within_five_seconds() -> None:
    with _process("up", "--port", "0") as process:
        told = "".join(_lines_until(process, "The page is at"))
        assert "The broker is embedded and keeps its log in memory" in told
        with _process("migrate") as second:
            _, err = second.communicate(timeout=60)
        assert second.returncode == 3
        assert err.startswith("whence: The embedded store in var/store is in use by another process")
        assert err.count("\n") == 1
        with _process("export", "spikes") as reader:
            out, err = reader.communicate(timeout=60)
        assert (reader.returncode, out[:19], err) == (0, "workspace,spike_id,", "")
        seconds, err = _interrupted(process)
    assert seconds < 5
    assert process.returncode == 0
    assert "Traceback" not in err
    assert not Path("var/store.door").exists()


def _until_it_reads(process: subprocess.Popen[str], path: Path) -> None:
    """Wait until the process holds the file open."""
    held = Path(f"/proc/{process.pid}/fd")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(FileNotFoundError):
            if any(os.path.realpath(one) == str(path.resolve()) for one in held.iterdir()):
                return
        time.sleep(0.002)
    raise AssertionError(f"{path} was never opened")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are told by /proc, which is not here")
def test_ctrl_c_ends_a_backtest_within_five_seconds(tmp_path: Path) -> None:
    folder = _exports(tmp_path / "exports", rows=400)
    export = folder / "questions.csv"
    with export.open("a") as file:
        file.writelines(f"more{i},2026-01-17T00:00:00Z,login,it hangs\n" for i in range(300_000))
    with _process("backtest", str(folder), "-m", str(folder / "mapping.toml"), "-o", "out") as process:
        _until_it_reads(process, export)
        seconds, err = _interrupted(process)
    assert seconds < 5
    assert (process.returncode, err) == (130, "Interrupted.\n")
