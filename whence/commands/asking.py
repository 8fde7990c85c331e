"""What is asked of data: of exports, of any table of counts, of the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from whence.commands.base import Folder, Json, MappingFile, app, examples


@app.command(
    epilog=examples(
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
    epilog=examples(
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


@app.command(epilog=examples("whence why 3f2a", "whence why 3f2a90c41be07d55 --json"))
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
    epilog=examples(
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
    epilog=examples(
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


@app.command(
    epilog=examples(
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
