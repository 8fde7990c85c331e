"""Dashboards and alert rules as files: ``python -m dashboards.grafana deploy/grafana``.

Both are sorted JSON (which is YAML too, as Grafana wants rules), the same for the same panels, committed and rendered again by a test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.boards import BOARDS
from dashboards.drawing import PLUGIN, PLUGIN_VERSION, SOURCE
from dashboards.grafana_sql import EVERYWHERE, grafana_sql
from dashboards.rules import rule_file

DASHBOARDS = BOARDS
RULES = Path("provisioning") / "alerting" / "whence.yaml"


def as_json(value: object) -> str:
    """Sorted JSON of what the SDK has built."""
    return json.dumps(value, cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def rendered(dashboard: Dashboard) -> str:
    """A dashboard as sorted JSON, the same for the same panels."""
    return as_json(dashboard.build())


def as_data(value: object) -> dict[str, Any]:
    """What the SDK has built, as plain data."""
    return cast("dict[str, Any]", json.loads(as_json(value)))


def main(folder: Path) -> None:
    """Write every dashboard and the alert rules into their places under a folder."""
    (folder / "dashboards").mkdir(parents=True, exist_ok=True)
    for name, make in DASHBOARDS.items():
        (folder / "dashboards" / name).write_text(rendered(make()), encoding="utf-8")
    (folder / RULES).parent.mkdir(parents=True, exist_ok=True)
    (folder / RULES).write_text(as_json(rule_file()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

__all__ = [
    "DASHBOARDS",
    "EVERYWHERE",
    "PLUGIN",
    "PLUGIN_VERSION",
    "RULES",
    "SOURCE",
    "as_data",
    "grafana_sql",
    "main",
    "rendered",
]
