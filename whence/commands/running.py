"""How Whence is run, and what is fed to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from whence.commands.base import Folder, FreshSeed, Json, MappingFile, Port, Seed, app, examples


@app.command(epilog=examples("whence up", "whence up --port 9000", "whence up --config whence.toml --log-json"))
def up(context: typer.Context, port: Port = None) -> None:
    """Run everything in one process: by default with an embedded broker (in memory) and an embedded store."""
    from whence.up import run_up

    run_up(context.obj.settings(web={"port": port}))


@app.command(
    epilog=examples(
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

    settings = context.obj.settings(usual_level="warning", web={"port": port})
    chosen = told_seed(seed, fresh=fresh_seed)
    if check:
        run_check(settings, chosen, as_json=json)
    else:
        run_demo(settings, chosen, speed=speed, browser=browser)


@app.command(
    epilog=examples(
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
    epilog=examples(
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
    """Publish a folder of exports to the broker, never faster than the readers follow. With the embedded broker, Whence itself runs beside it, with its page."""
    from whence.replay import run_replay

    run_replay(context.obj.settings(), folder, mapping, workspace=workspace, speed=speed)


@app.command(
    epilog=examples("whence story story/ --seed 7", "whence backtest story/ -m story/mapping.toml --out result/")
)
def story(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; made if missing.", show_default=False)],
    seed: Seed = 1,
    fresh_seed: FreshSeed = False,
) -> None:
    """Write the story of a made-up company as files, with the truth beside it."""
    from whence.story import run_story

    run_story(folder, seed, fresh=fresh_seed)
