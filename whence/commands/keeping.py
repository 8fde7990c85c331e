"""Keeping an installation well."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from whence.commands.base import Json, app, examples
from whence.settings import shown_settings
from whence.show import OUT, flat, print_json, print_table, say


@app.command(epilog=examples("whence migrate", "whence migrate --dry-run", "whence migrate --to 2"))
def migrate(
    context: typer.Context,
    to: Annotated[
        int | None, typer.Option("--to", min=0, help="Migrate up or down to this version. Default: the newest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the statements.")] = False,
    drop_data: Annotated[
        bool, typer.Option("--drop-data", help="On the way down, let rows go whose tables or columns go.")
    ] = False,
) -> None:
    """Bring the store's tables to this version of Whence."""
    from whence.store import run_migrate

    run_migrate(context.obj.settings(), to=to, dry_run=dry_run, drop_data=drop_data)


@app.command(epilog=examples("whence quality", "whence quality --json", "whence quality --last"))
def quality(
    context: typer.Context,
    last: Annotated[bool, typer.Option("--last", help="Only show the results of the last run on schedule.")] = False,
    json: Json = False,
) -> None:
    """Check the data that has landed, and show what fails. Exit code 1: a check fails."""
    from whence.store import run_quality

    run_quality(context.obj.settings(), last=last, as_json=json)


@app.command(epilog=examples("whence doctor", "whence doctor --json"))
def doctor(context: typer.Context, json: Json = False) -> None:
    """Say what is wrong with Kafka, ClickHouse, topics, lag, schema or disk, and what to do."""
    from whence.doctor import run_doctor

    run_doctor(context.obj.settings(), as_json=json)


@app.command(epilog=examples("whence settings", "whence settings --json", "whence --config other.toml settings"))
def settings(context: typer.Context, json: Json = False) -> None:
    """Show all settings, secrets hidden."""
    shown = shown_settings(context.obj.settings())
    if json:
        print_json(shown)
    else:
        print_table("", ("setting", "value"), flat(shown))


dashboards = typer.Typer(help="Grafana's dashboards, as code.", no_args_is_help=True)
app.add_typer(dashboards, name="dashboards")


@dashboards.command(epilog=examples("whence dashboards publish", "whence dashboards publish --dry-run"))
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


@dashboards.command(epilog=examples("whence dashboards render deploy/grafana"))
def render(folder: Annotated[Path, typer.Argument(help="Folder to write into.", show_default=False)]) -> None:
    """Write the dashboards and alert rules as files, for Grafana's own provisioning."""
    from dashboards.grafana import main

    main(folder)
    say(f"Dashboards and alert rules are in {folder}.")


@app.command()
def version(json: Json = False) -> None:
    """Print the version."""
    found = installed_version("whence")
    if json:
        print_json({"version": found})
    else:
        OUT.print(found)
