"""Who is told of what, and what people say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from whence.commands.base import Json, app, examples

alerts = typer.Typer(help="Who is told of what.", no_args_is_help=True)
app.add_typer(alerts, name="alerts")


@alerts.command(epilog=examples("whence alerts check", "whence alerts check alerts.toml", "whence alerts check --json"))
def check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Routing file; by default alerts.routing.")] = None,
    json: Json = False,
) -> None:
    """Show who would be told of what, and what of the routing file cannot work. Exit code 1: something has to be mended."""
    from whence.alerts import run_alerts_check

    run_alerts_check(context.obj.settings(), file, as_json=json)


@alerts.command(name="try", epilog=examples("whence alerts try", "whence alerts try payments-chat"))
def try_(
    context: typer.Context,
    channels: Annotated[list[str] | None, typer.Argument(help="Channels; by default all of the routing file.")] = None,
) -> None:
    """Send one trial message to channels, to see that they arrive. Exit code 1: one did not take it."""
    from whence.alerts import run_alerts_try

    run_alerts_try(context.obj.settings(), channels or [])


@app.command(
    epilog=examples(
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
