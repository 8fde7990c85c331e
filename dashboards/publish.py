"""Brings a Grafana to what the code says: folder, data source, dashboards, alert rules, annotations.

Only what differs is sent, so a second run changes nothing; what Grafana reads from provisioning files is left to them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Any, Literal, cast

from grafana_api.grafana_face import GrafanaFace  # type: ignore[import-untyped]
from msgspec import Struct

from dashboards.boards import BOARDS
from dashboards.drawing import PLUGIN, SOURCE
from dashboards.grafana import as_data
from dashboards.grafana_client import Answer, check, explained, found
from dashboards.notes import TAG, Note
from dashboards.rules import FOLDER, GROUP, RULES, rule_data
from schemas.errors import FatalError

Action = Literal["created", "changed", "removed", "left to its file", "same"]
TITLE = "Whence"
_NO_PROVENANCE = {"X-Disable-Provenance": "true"}
_MOST_NOTES = 10_000


class StoreAddress(Struct, frozen=True, kw_only=True):
    """Where Grafana reaches ClickHouse, by its native protocol, with a user that may only read."""

    host: str = "clickhouse"
    port: int = 9000
    user: str = "grafana"
    password: str = ""
    database: str = "whence"
    secure: bool = False

    def __repr__(self) -> str:
        return f"StoreAddress({self.user}@{self.host}:{self.port}/{self.database})"


class Step(Struct, frozen=True, kw_only=True):
    """What was done to one thing, or would be; ``diff`` is empty where it is new or the same."""

    what: str
    name: str
    action: Action
    diff: str = ""


class _Thing(Struct, frozen=True):
    """One thing that Grafana shall hold."""

    what: str
    name: str
    wanted: Answer


def source_data(store: StoreAddress) -> Answer:
    """The data source as Grafana keeps it, without its password."""
    reached = {
        "host": store.host, "port": store.port, "protocol": "native", "secure": store.secure, "username": store.user,
        "defaultDatabase": store.database, "dialTimeout": 10, "queryTimeout": 30, "validateSql": True,
    }  # fmt: skip
    return {"name": TITLE, "uid": SOURCE.uid, "type": PLUGIN, "access": "proxy", "isDefault": True, "jsonData": reached}


def publish(face: GrafanaFace, store: StoreAddress, notes: Sequence[Note] | None = None, *, dry_run: bool = False) -> Iterator[Step]:  # fmt: skip
    """Publish everything, step by step; with ``dry_run`` only say what would be done.

    Args:
        face: A client of Grafana.
        store: Where Grafana finds the store.
        notes: Annotations for changes and spikes; None leaves them as they are.
        dry_run: Change nothing.

    Raises:
        FatalError: Grafana is away, too old, refuses, or lacks the plugin.
    """
    check(face)
    yield _folder(face, dry_run)
    yield _source(face, store, dry_run)
    for make in BOARDS.values():
        yield _board(face, as_data(make().build()), dry_run)
    for rule in RULES:
        yield _rule(face, {**rule_data(rule), "folderUID": FOLDER, "ruleGroup": GROUP}, dry_run)
    if notes is not None:
        yield from _notes(face, notes, dry_run)


def _folder(face: GrafanaFace, dry_run: bool) -> Step:
    with explained(face, "read its folders"):
        present = found(lambda: face.folder.get_folder(FOLDER))
    if present is not None:
        return Step(what="folder", name=TITLE, action="same")
    if not dry_run:
        with explained(face, "make a folder"):
            face.folder.create_folder(TITLE, uid=FOLDER)
    return Step(what="folder", name=TITLE, action="created")


def _source(face: GrafanaFace, store: StoreAddress, dry_run: bool) -> Step:
    wanted = source_data(store)
    with explained(face, "read its data sources"):
        present = found(lambda: face.api.GET(f"/datasources/uid/{SOURCE.uid}"))
    if present is not None and present.get("readOnly"):
        return Step(what="data source", name=TITLE, action="left to its file")
    if present is None and not store.password:
        raise FatalError("The data source is not there yet, and nobody has said its password", remedy="Set WHENCE_GRAFANA_STORE_PASSWORD to the one of ClickHouse's user that may only read.")  # fmt: skip
    sent = {**wanted, "secureJsonData": {"password": store.password}} if store.password else wanted

    def put() -> None:
        if present is None:
            face.datasource.create_datasource(sent)
        else:
            face.api.PUT(f"/datasources/uid/{SOURCE.uid}", json=sent)

    return _brought(face, _Thing("data source", TITLE, wanted), present, put, dry_run)


def _board(face: GrafanaFace, wanted: Answer, dry_run: bool) -> Step:
    uid = wanted["uid"]
    with explained(face, "read its dashboards"):
        present = found(lambda: face.dashboard.get_dashboard(uid))
    if present is not None and present["meta"].get("provisioned"):
        return Step(what="dashboard", name=wanted["title"], action="left to its file")
    was = None if present is None else cast("Answer", present["dashboard"])
    version = {} if was is None else {"id": was["id"], "version": was["version"]}
    sent = {"dashboard": {**wanted, **version}, "folderUid": FOLDER, "overwrite": False, "message": "whence dashboards publish"}  # fmt: skip
    thing = _Thing("dashboard", wanted["title"], wanted)
    return _brought(face, thing, was, lambda: face.dashboard.update_dashboard(sent), dry_run)


def _rule(face: GrafanaFace, wanted: Answer, dry_run: bool) -> Step:
    path = "/v1/provisioning/alert-rules"
    with explained(face, "read its alert rules"):
        present = found(lambda: face.api.GET(f"{path}/{wanted['uid']}"))
    if present is not None and present.get("provenance") == "file":
        return Step(what="alert rule", name=wanted["title"], action="left to its file")

    def put() -> None:
        if present is None:
            face.api.POST(path, json=wanted, headers=_NO_PROVENANCE)
        else:
            face.api.PUT(f"{path}/{wanted['uid']}", json=wanted, headers=_NO_PROVENANCE)

    return _brought(face, _Thing("alert rule", wanted["title"], wanted), present, put, dry_run)


def _brought(
    face: GrafanaFace, thing: _Thing, present: Answer | None, put: Callable[[], object], dry_run: bool
) -> Step:
    """Send what differs; what Grafana adds of its own does not count as a difference."""
    differs = "" if present is None else difference(of_ours(present, thing.wanted), thing.wanted, thing.name)
    if present is not None and not differs:
        return Step(what=thing.what, name=thing.name, action="same")
    if not dry_run:
        with explained(face, f"take the {thing.what} {thing.name!r}"):
            put()
    return Step(what=thing.what, name=thing.name, action="created" if present is None else "changed", diff=differs)


def of_ours(present: Any, wanted: Any) -> Any:
    """Of what Grafana holds, the part that we say something of.

    >>> of_ours({"a": 1, "version": 7, "b": [{"c": 2, "id": 3}]}, {"a": 0, "b": [{"c": 2}]})
    {'a': 1, 'b': [{'c': 2}]}
    """
    if isinstance(present, dict) and isinstance(wanted, dict):
        return {key: of_ours(value, wanted[key]) for key, value in present.items() if key in wanted}
    if isinstance(present, list) and isinstance(wanted, list) and len(present) == len(wanted):
        return [of_ours(one, other) for one, other in zip(present, wanted, strict=True)]
    return present


def difference(present: object, wanted: object, name: str) -> str:
    """A unified diff of the two as sorted JSON; empty where they are equal."""
    was, is_now = (
        json.dumps(one, sort_keys=True, indent=2, ensure_ascii=False).splitlines() for one in (present, wanted)
    )
    return "\n".join(unified_diff(was, is_now, f"{name} (in Grafana)", f"{name} (in code)", lineterm="", n=2))


def _notes(face: GrafanaFace, wanted: Sequence[Note], dry_run: bool) -> Iterator[Step]:
    workspaces = sorted({note.workspace for note in wanted})
    for workspace in workspaces:
        mine = {note.key: note for note in wanted if note.workspace == workspace}
        present = {key: one for one in _present(face, workspace) if (key := _key(one["tags"])) is not None}
        yield from (_note(face, note, present.get(key), dry_run) for key, note in mine.items())
        gone = [one for key, one in present.items() if key not in mine]
        yield from (_forgotten(face, one, dry_run) for one in gone)


def _present(face: GrafanaFace, workspace: str) -> Iterable[Answer]:
    with explained(face, "read its annotations"):
        some = face.annotations.get_annotation(tags=[TAG], limit=_MOST_NOTES)
    return [one for one in some if f"workspace:{workspace}" in one["tags"]]


def _key(tags: Iterable[str]) -> str | None:
    return next((tag for tag in tags if tag.startswith(("spike:", "change:"))), None)


def _note(face: GrafanaFace, note: Note, present: Answer | None, dry_run: bool) -> Step:
    wanted = {"time": note.time, "timeEnd": note.time_end, "tags": sorted(note.tags), "text": note.text}
    was = None if present is None else {**present, "tags": sorted(present["tags"])}

    def put() -> None:
        said = {"time_from": note.time, "time_to": note.time_end, "tags": sorted(note.tags), "text": note.text}
        if present is None:
            face.annotations.add_annotation(**said)
        else:
            face.annotations.update_annotation(present["id"], **said)

    return _brought(face, _Thing("annotation", note.key, wanted), was, put, dry_run)


def _forgotten(face: GrafanaFace, one: Answer, dry_run: bool) -> Step:
    if not dry_run:
        with explained(face, "remove an annotation"):
            face.annotations.delete_annotations_by_id(one["id"])
    return Step(what="annotation", name=_key(one["tags"]) or "", action="removed")
