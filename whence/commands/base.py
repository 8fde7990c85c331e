"""The application itself, and the options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from whence.errors import EXIT_MEANINGS
from whence.logs import set_up_logging
from whence.settings import Settings, load_settings

EXITS = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in EXIT_MEANINGS.items()) + "."
app = typer.Typer(
    name="whence",
    help="Whence came this spike? Kafka in, attributed spikes out.",
    epilog=EXITS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON on standard output.")]
MappingFile = Annotated[Path, typer.Option("--mapping", "-m", help="TOML file: which column is which field.")]
Folder = Annotated[Path, typer.Argument(help="Folder of CSV or JSONL files, also gzipped.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", help="Port of the page; 0 takes any free one.")]
Seed = Annotated[int, typer.Option("--seed", help="Which story is told.")]
FreshSeed = Annotated[bool, typer.Option("--fresh-seed", help="Tell a story nobody has heard, and print its seed.")]


class Session:
    """The options that may stand anywhere, and the settings they lead to."""

    def __init__(self, config: Path | None, level: str | None, log_json: bool) -> None:
        self.config = config
        self._log: dict[str, Any] = {"level": level} if level is not None else {}
        self._log |= {"format": "json"} if log_json else {}

    def settings(self, *, usual_level: str | None = None, **flags: dict[str, Any]) -> Settings:
        """Checked settings, with logging set up by them. A flag that is None was not given.

        Args:
            usual_level: The log's level where nobody has set one, if not the settings' own.
            flags: ``{section: {name: value}}``.
        """
        given = {
            section: {name: value for name, value in names.items() if value is not None}
            for section, names in flags.items()
        }
        settings = load_settings(self.config, flags={"log": self._log, **given})
        unset = usual_level is not None and "level" not in settings.log.model_fields_set
        set_up_logging(usual_level if unset and usual_level else settings.log.level, settings.log.format)
        return settings


def examples(*lines: str) -> str:
    return "\n\n".join(("[bold]Examples[/bold]", *lines, "Exit codes: see [bold]whence --help[/bold]."))


@app.callback()
def _start(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file. Default: whence.toml here, if any.")
    ] = None,
    log_level: Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object per line.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="On an error, show where it came from.")] = False,  # noqa: ARG001
) -> None:
    """These options may stand before or after the command."""
    context.obj = Session(config, log_level, log_json)
