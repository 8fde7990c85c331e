"""``whence dashboards publish``: what the code says, brought into a Grafana."""

from __future__ import annotations

from collections import Counter

from dashboards.grafana_client import connect
from dashboards.notes import Note, notes
from dashboards.publish import Step, StoreAddress, publish
from dashboards.query import from_client
from sinks.migrate import require_current
from whence.errors import SettingsError
from whence.sections import GrafanaSection
from whence.settings import Settings
from whence.show import OUT, print_json, print_table, say
from whence.store import store_client


def run_publish(settings: Settings, *, dry_run: bool, annotations: bool, as_json: bool) -> None:
    """Publish, and say what was done to each thing.

    Raises:
        SettingsError: it is not said where Grafana is, or by which token.
        FatalError: Grafana or the store is away, too old, or refuses.
    """
    grafana = settings.grafana
    if not grafana.url or not grafana.token.get_secret_value():
        raise SettingsError("grafana.url or its token is missing; allowed is an address such as http://127.0.0.1:3000, and a service account's token in WHENCE_GRAFANA_TOKEN or WHENCE_GRAFANA_TOKEN_FILE")  # fmt: skip
    verify = str(grafana.ca_file) if grafana.ca_file is not None else grafana.verify_tls
    face = connect(grafana.url, grafana.token.get_secret_value(), verify=verify)
    found = _notes(settings) if annotations else None
    steps = list(publish(face, _address(grafana, settings), found, dry_run=dry_run))
    if as_json:
        print_json(steps)
    else:
        _show(steps, dry_run=dry_run)


def _address(grafana: GrafanaSection, settings: Settings) -> StoreAddress:
    return StoreAddress(
        host=grafana.store_host,
        port=grafana.store_port,
        user=grafana.store_user,
        password=grafana.store_password.get_secret_value(),
        database=settings.store.database,
        secure=grafana.store_secure,
    )


def _notes(settings: Settings) -> list[Note]:
    with store_client(settings.store) as client:
        require_current(client)
        return notes(from_client(client))


def _show(steps: list[Step], *, dry_run: bool) -> None:
    things = [step for step in steps if step.what != "annotation"]
    print_table("", ("what", "name", "would be" if dry_run else "was"), [(one.what, one.name, one.action) for one in things])  # fmt: skip
    for step in steps:
        if dry_run and step.diff:
            OUT.print(step.diff, markup=False, highlight=False)
    told = Counter(step.action for step in steps if step.what == "annotation")
    if told:
        say("Annotations: " + ", ".join(f"{number:,} {action}" for action, number in sorted(told.items())) + ".")
    changed = sum(step.action in ("created", "changed", "removed") for step in steps)
    say(f"{changed} of {len(steps)} would change." if dry_run else f"{changed} of {len(steps)} changed.")
