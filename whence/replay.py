"""Publish a folder of exports, so that it takes the way that live events take."""

from __future__ import annotations

import threading
from pathlib import Path

from msgspec.structs import replace

from schemas.broker import Broker
from schemas.workspace import Workspace
from sources.mapping import Mapping
from streams.topics import ensure_topics
from whence.errors import SettingsError
from whence.feed import feed
from whence.input import events_of, mapping_of
from whence.settings import Settings
from whence.show import say
from whence.supervise import signals_stop
from whence.up import run_up


def run_replay(settings: Settings, folder: Path, mapping_path: Path, *, workspace: str | None, speed: float) -> None:
    """Publish the folder to Kafka; with an embedded broker, to an ``up`` of its own that stays until it is stopped.

    Args:
        settings: With Kafka, they must hold the workspace, as the running parts' settings do.
        folder: Of exports.
        mapping_path: Which column is which field.
        workspace: Its name, by default the mapping's.
        speed: Event seconds per second; 0 is as fast as the readers follow.

    Raises:
        SettingsError: the workspace is not one of the settings that takes a replay.
        DataRefused: the folder or the mapping cannot be used.
        RetryableError: the broker does not answer.
        KeyboardInterrupt: asked to stop before the end.
    """
    mapping = mapping_of(mapping_path)
    if workspace is not None:
        mapping = replace(mapping, workspace=replace(mapping.workspace, name=workspace))
    if settings.broker.embedded:
        _into_up(settings, folder, mapping, speed)
    else:
        _into_kafka(settings, folder, mapping, speed)


def _into_up(settings: Settings, folder: Path, mapping: Mapping, speed: float) -> None:
    def fed(broker: Broker, stop: threading.Event) -> None:
        sent = feed(broker, mapping.workspace, events_of(folder, mapping), stop, speed=speed or None)
        say(f"{sent.events:,} events were sent; the page stays until Ctrl-C.")

    run_up(settings, workspaces=(mapping.workspace,), fed=fed)


def _into_kafka(settings: Settings, folder: Path, mapping: Mapping, speed: float) -> None:
    watched = _replayable(settings, mapping.workspace.name)
    mapping = replace(mapping, workspace=watched)
    broker = settings.broker.broker()
    ensure_topics(broker, settings.broker.partitions)
    stop = threading.Event()
    with signals_stop(stop):
        sent = feed(broker, watched, events_of(folder, mapping), stop, speed=speed or None)
    say(f"{sent.events:,} events and {sent.marks:,} marks were sent to {broker.servers}.")
    if stop.is_set():
        raise KeyboardInterrupt


def _replayable(settings: Settings, name: str) -> Workspace:
    found = {one.name: one for one in settings.workspaces}
    if name not in found:
        raise SettingsError(
            f"the workspace {name!r} is not in the settings; allowed is {', '.join(found)}, or add it to [[workspaces]] "
            "of every part"
        )
    if found[name].progress != "input":
        raise SettingsError(
            f"the workspace {name!r} has progress = {found[name].progress!r}; allowed for a replay is a workspace with "
            'progress = "input"'
        )
    return found[name]
