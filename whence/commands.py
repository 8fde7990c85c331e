"""The command line: which commands there are, what they take, and how they end.

Commands import what they run when they run, so that ``whence --help`` loads neither an engine nor Faust.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version as installed_version
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from schemas.errors import WhenceError
from whence.errors import EXIT_MEANINGS, Exit, exit_code
from whence.logs import set_up_logging
from whence.settings import Settings, load_settings, shown_settings
from whence.show import OUT, flat, print_json, print_table, say

EXITS = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in EXIT_MEANINGS.items()) + "."
ANYWHERE = ("--debug", "--log-json")
ANYWHERE_WITH_VALUE = ("--config", "--log-level")

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

    def settings(self, **flags: dict[str, Any]) -> Settings:
        """Checked settings, with logging set up by them. A flag that is None was not given."""
        given = {
            section: {name: value for name, value in names.items() if value is not None}
            for section, names in flags.items()
        }
        settings = load_settings(self.config, flags={"log": self._log, **given})
        set_up_logging(settings.log.level, settings.log.format)
        return settings


def _examples(*lines: str) -> str:
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


@app.command(epilog=_examples("whence up", "whence up --port 9000", "whence up --config whence.toml --log-json"))
def up(context: typer.Context, port: Port = None) -> None:
    """Run everything in one process: by default with an embedded broker (in memory) and an embedded store."""
    from whence.up import run_up

    run_up(context.obj.settings(web={"port": port}))


@app.command(
    epilog=_examples(
        "whence demo", "whence demo --check", "whence demo --check --fresh-seed", "whence demo --seed 7 --speed 600"
    )
)
def demo(
    context: typer.Context,
    *,
    seed: Seed = 1,
    fresh_seed: FreshSeed = False,
    check: Annotated[bool, typer.Option("--check", help="No page: compare the causes found with the truth.")] = False,
    speed: Annotated[
        float, typer.Option("--speed", min=1, help="Event seconds per second, once the live days begin.")
    ] = 1_200.0,
    port: Port = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    json: Json = False,
) -> None:
    """Play the story of a made-up company through the whole of Whence, and show its page."""
    from whence.check import run_check
    from whence.demo import run_demo, told_seed

    settings = context.obj.settings(web={"port": port})
    chosen = told_seed(seed, fresh=fresh_seed)
    if check:
        run_check(settings, chosen, as_json=json)
    else:
        run_demo(settings, chosen, speed=speed, browser=browser)


@app.command(
    epilog=_examples(
        "whence run admit",
        "whence run web --config /etc/whence.toml",
        "WHENCE_BROKER_SERVERS=kafka:9092 whence run agents",
    )
)
def run(
    context: typer.Context,
    part: Annotated[Literal["admit", "agents", "alerts", "sink", "quality", "web"], typer.Argument(help="Which part.")],
) -> None:
    """Run one part of Whence, for containers; it answers /health, /ready and /metrics."""
    from whence.up import run_part

    run_part(context.obj.settings(), part)


@app.command(
    epilog=_examples(
        "whence replay exports/ -m exports.toml --workspace replay-1",
        "whence replay exports/ -m exports.toml --speed 3600",
    )
)
def replay(
    context: typer.Context,
    folder: Folder,
    mapping: MappingFile,
    workspace: Annotated[
        str | None, typer.Option("--workspace", help='A workspace of the settings with progress = "input".')
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Event seconds per second; 0: as fast as readers follow.")
    ] = 0.0,
) -> None:
    """Publish a folder of exports to the broker, never faster than the readers follow."""
    from whence.replay import run_replay

    run_replay(context.obj.settings(), folder, mapping, workspace=workspace, speed=speed)


@app.command(
    epilog=_examples(
        "whence backtest exports/ -m exports.toml --out result/",
        "whence backtest exports/ -m exports.toml --out result/ --budget 0.5 --bucket 1h",
    )
)
def backtest(
    context: typer.Context,
    *,
    folder: Folder,
    mapping: MappingFile,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for attributions.csv and spikes.csv; made if missing.")
    ],
    budget: Annotated[
        float | None, typer.Option("--budget", help="False spikes allowed a week, over everything.")
    ] = None,
    bucket: Annotated[str | None, typer.Option("--bucket", help="Bucket width: seconds, or 90s, 5m, 1h, 1d.")] = None,
    json: Json = False,
) -> None:
    """Find and attribute the spikes in a folder of exports, without broker or store."""
    from whence.backtest import run_backtest

    run_backtest(context.obj.settings(), folder, mapping, out=out, budget=budget, bucket=bucket, as_json=json)


@app.command(
    epilog=_examples(
        'whence impact "app 5.2.0"',
        "whence impact spring-sale --days 7 --json",
        'whence impact "Firefox 73.0" --folder exports/ -m exports.toml',
    )
)
def impact(
    context: typer.Context,
    *,
    change: Annotated[str, typer.Argument(help="The change's key or title.", show_default=False)],
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=180, help="Days counted. Default: to three days after its end, or 14."),
    ] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="Count a folder of exports, not the store.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="With --folder: which column is which field.")
    ] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", help="Where several know the change.")] = None,
    json: Json = False,
) -> None:
    """Say how many contacts a change has caused, spike or not: in all, by day and by slice, with intervals."""
    from whence.impact import run_impact

    run_impact(
        context.obj.settings(),
        change,
        folder=folder,
        mapping=mapping,
        workspace=workspace,
        days=days,
        as_json=json,
    )


@app.command(epilog=_examples("whence why 3f2a", "whence why 3f2a90c41be07d55 --json"))
def why(
    context: typer.Context,
    *,
    spike: Annotated[str, typer.Argument(help="The spike's id, or its beginning.", show_default=False)],
    workspace: Annotated[str | None, typer.Option("--workspace", help="Where several have such a spike.")] = None,
    json: Json = False,
) -> None:
    """Show every number behind a spike's attribution, where it comes from, and what counting again gives."""
    from whence.why import run_why

    run_why(context.obj.settings(), spike, workspace=workspace, as_json=json)


@app.command(
    epilog=_examples(
        "whence detect tickets.csv --out alarms.csv",
        "whence detect tickets.csv.gz --budget 0.2 --out alarms.csv.gz --plot spikes.png --holidays holidays.csv",
    )
)
def detect(
    context: typer.Context,
    *,
    table: Annotated[
        Path, typer.Argument(help="CSV (also gzipped) with time, count and any columns that name a series.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file for a verdict per row; gzipped by its name.")],
    budget: Annotated[
        float, typer.Option("--budget", help="False spikes allowed a week, over all series of the file.")
    ] = 1.0,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture (PNG, SVG or PDF) of the most surprising series.")
    ] = None,
    panels: Annotated[int, typer.Option("--panels", help="How many series the picture shows.")] = 6,
    holidays: Annotated[Path | None, typer.Option("--holidays", help="File with one date a line.")] = None,
    json: Json = False,
) -> None:
    """Find the spikes in any table of counts, every step judged by nothing later."""
    from whence.detect import run_detect

    context.obj.settings()
    run_detect(table, budget=budget, out=out, plot=plot, holidays=holidays, panels=panels, as_json=json)


@app.command(
    epilog=_examples(
        "whence export attributions > attributions.csv",
        "whence export contacts --format jsonl --out contacts.jsonl --since 2026-01-01",
    )
)
def export(
    context: typer.Context,
    *,
    what: Annotated[Literal["spikes", "attributions", "impacts", "contacts"], typer.Argument(help="What to write.")],
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="csv or jsonl.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File; standard output without it.")] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", help="Only this workspace.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only from this time on (ISO 8601, UTC).")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only before this time (ISO 8601, UTC).")] = None,
    final: Annotated[bool, typer.Option("--final", help="Only attributions that are final.")] = False,
) -> None:
    """Write what the store holds as CSV or JSONL, by its last revision; attributions.csv has one row per spike and candidate cause."""
    from whence.export import run_export

    run_export(context.obj.settings(), what, form, out=out, workspace=workspace, since=since, until=until, final=final)


@app.command(epilog=_examples("whence migrate", "whence migrate --dry-run", "whence migrate --to 2"))
def migrate(
    context: typer.Context,
    to: Annotated[
        int | None, typer.Option("--to", min=0, help="Migrate up or down to this version. Default: the newest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the statements.")] = False,
) -> None:
    """Bring the store's tables to this version of Whence."""
    from whence.store import run_migrate

    run_migrate(context.obj.settings(), to=to, dry_run=dry_run)


@app.command(epilog=_examples("whence quality", "whence quality --json", "whence quality --last"))
def quality(
    context: typer.Context,
    last: Annotated[bool, typer.Option("--last", help="Only show the results of the last run.")] = False,
    json: Json = False,
) -> None:
    """Check the data that has landed, and show what fails. Exit code 1: a check fails."""
    from whence.store import run_quality

    run_quality(context.obj.settings(), last=last, as_json=json)


@app.command(epilog=_examples("whence doctor", "whence doctor --json"))
def doctor(context: typer.Context, json: Json = False) -> None:
    """Say what is wrong with Kafka, ClickHouse, topics, lag, schema or disk, and what to do."""
    from whence.doctor import run_doctor

    run_doctor(context.obj.settings(), as_json=json)


alerts = typer.Typer(help="Who is told of what.", no_args_is_help=True)
app.add_typer(alerts, name="alerts")


@alerts.command(
    epilog=_examples("whence alerts check", "whence alerts check alerts.toml", "whence alerts check --json")
)
def check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Routing file; by default alerts.routing.")] = None,
    json: Json = False,
) -> None:
    """Show who would be told of what, and what of the routing file cannot work. Exit code 1: something has to be mended."""
    from whence.alerts import run_alerts_check

    run_alerts_check(context.obj.settings(), file, as_json=json)


@alerts.command(name="try", epilog=_examples("whence alerts try", "whence alerts try payments-chat"))
def try_(
    context: typer.Context,
    channels: Annotated[list[str] | None, typer.Argument(help="Channels; by default all of the routing file.")] = None,
) -> None:
    """Send one trial message to channels, to see that they arrive. Exit code 1: one did not take it."""
    from whence.alerts import run_alerts_try

    run_alerts_try(context.obj.settings(), channels or [])


@app.command(
    epilog=_examples(
        "whence feedback k3f9a1c2 confirm",
        "whence feedback k3f9a1c2 reassign inc-77 --note 'it was the provider'",
        "whence feedback k3f9a1c2 own payments --who Ada",
    )
)
def feedback(
    context: typer.Context,
    *,
    spike: Annotated[str, typer.Argument(help="The spike's id.", show_default=False)],
    verdict: Annotated[
        Literal["confirm", "reject", "reassign", "own"], typer.Argument(help="What you say of its cause.")
    ],
    about: Annotated[
        str, typer.Argument(help="The cause (a change's key, unknown or measurement), or with own, the team.")
    ] = "",
    workspace: Annotated[str | None, typer.Option("--workspace", help="Needed where there are several.")] = None,
    who: Annotated[str, typer.Option("--who", help="Who says so. Default: your user name.")] = "",
    note: Annotated[str, typer.Option("--note", help="Why.")] = "",
    json: Json = False,
) -> None:
    """Confirm, reject or reassign a spike's cause, or take it; without a cause, the likeliest one is meant."""
    from whence.feedback import run_feedback

    run_feedback(context.obj.settings(), spike, verdict, about, workspace=workspace, who=who, note=note, as_json=json)


@app.command(
    epilog=_examples(
        "whence campaign summer-sale", "whence campaign summer-sale.toml", "whence campaign plans.json --json"
    )
)
def campaign(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(help="A campaign's key, or a file of promotions (JSON, JSONL, TOML).", show_default=False)
    ],
    workspace: Annotated[str | None, typer.Option("--workspace", help="Needed where several know it.")] = None,
    json: Json = False,
) -> None:
    """Before a campaign what is missing, during it contacts against plan, after it the verdict. Exit code 1: something is wrong."""
    from whence.campaign import run_campaign

    run_campaign(context.obj.settings(), what, workspace=workspace, as_json=json)


@app.command(epilog=_examples("whence settings", "whence settings --json", "whence --config other.toml settings"))
def settings(context: typer.Context, json: Json = False) -> None:
    """Show all settings, secrets hidden."""
    shown = shown_settings(context.obj.settings())
    if json:
        print_json(shown)
    else:
        print_table("", ("setting", "value"), flat(shown))


@app.command(
    epilog=_examples("whence story story/ --seed 7", "whence backtest story/ -m story/mapping.toml --out result/")
)
def story(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; made if missing.", show_default=False)],
    seed: Seed = 1,
    fresh_seed: FreshSeed = False,
) -> None:
    """Write the story of a made-up company as files, with the truth beside it."""
    from whence.story import run_story

    run_story(folder, seed, fresh=fresh_seed)


dashboards = typer.Typer(help="Grafana's dashboards, as code.", no_args_is_help=True)
app.add_typer(dashboards, name="dashboards")


@dashboards.command(epilog=_examples("whence dashboards publish", "whence dashboards publish --dry-run"))
def publish(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show what would differ.")] = False,
    annotations: Annotated[
        bool, typer.Option("--annotations/--no-annotations", help="Also changes and spikes, from the store.")
    ] = True,
    json: Json = False,
) -> None:
    """Bring a Grafana to what the code says: folder, data source, dashboards, alert rules, annotations; twice changes nothing."""
    from whence.dashboards import run_publish

    run_publish(context.obj.settings(), dry_run=dry_run, annotations=annotations, as_json=json)


@dashboards.command(epilog=_examples("whence dashboards render deploy/grafana"))
def render(folder: Annotated[Path, typer.Argument(help="Folder to write into.", show_default=False)]) -> None:
    """Write the dashboards and alert rules as files, for Grafana's own provisioning."""
    from dashboards.grafana import main

    main(folder)


@app.command()
def version(json: Json = False) -> None:
    """Print the version."""
    found = installed_version("whence")
    if json:
        print_json({"version": found})
    else:
        OUT.print(found)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors become one clear sentence each on standard error."""
    try:
        result = app(args=_front(arguments), prog_name="whence", standalone_mode=False)
        code = int(result) if isinstance(result, int) else Exit.OK
        if code == Exit.INTERRUPTED:
            say("Interrupted.")
        return code
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return Exit.INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else Exit.OK
    except BaseException as error:
        return _told(error, debug="--debug" in arguments)


def _told(error: BaseException, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, typer.Exit):
        return error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        if error.format_message():
            say(f"whence: {error.format_message()} See whence --help.")
        return Exit.USAGE
    code = exit_code(error)
    if isinstance(error, BrokenPipeError):
        return Exit.OK
    for line in _sentences(error, code).splitlines():
        say(f"whence: {line}")
    return code


def _sentences(error: BaseException, code: Exit) -> str:
    if isinstance(error, OSError) and not isinstance(error, WhenceError):
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror or error}"
    if code is Exit.BUG:
        return f"a mistake of Whence itself ({type(error).__name__}: {error}); --debug shows where"
    return str(error)


def _front(arguments: Sequence[str]) -> list[str]:
    """Options that may stand anywhere, moved before the command."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for one in left:
        if one == "--":
            return [*front, *rest, one, *left]
        if one in ANYWHERE or one.startswith(tuple(f"{name}=" for name in ANYWHERE_WITH_VALUE)):
            front.append(one)
        elif one in ANYWHERE_WITH_VALUE:
            front += [one, *islice(left, 1)]
        else:
            rest.append(one)
    return [*front, *rest]
