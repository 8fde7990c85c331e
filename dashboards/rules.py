"""Alert rules that Grafana itself watches: the pipeline's health, and spikes that nobody has taken.

Whence's own alerts tell people of causes; these tell whoever runs Whence, also when Whence itself has stopped.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from dashboards.drawing import PLUGIN, PLUGIN_VERSION, SOURCE

FOLDER, GROUP = "whence", "whence"
_EXPRESSIONS = "__expr__"


class Rule(Struct, frozen=True, kw_only=True):
    """Fires for a workspace when ``sql`` (columns ``workspace`` and one number) is above ``above`` for ``wait``."""

    uid: str
    title: str
    sql: str
    above: float
    wait: str
    says: str
    board: str


RULES = (
    Rule(
        uid="whence-behind",
        title="Whence is behind",
        sql="SELECT workspace, toFloat64(dateDiff('second', max(until), now64(3, 'UTC'))) AS behind_s FROM progress_now WHERE topic = 'expectations' AND NOT final GROUP BY workspace",
        above=1_800,
        wait="5m",
        says="Nothing of {{ .Labels.workspace }} has been judged for more than half an hour: new spikes would not be seen.",
        board="whence-pipeline",
    ),
    Rule(
        uid="whence-refused",
        title="Messages are refused",
        sql="SELECT workspace, toFloat64(count()) AS letters FROM dead_letters_now WHERE at >= now64(3, 'UTC') - toIntervalHour(1) GROUP BY workspace",
        above=100,
        wait="0s",
        says="More than a hundred messages of {{ .Labels.workspace }} were refused within an hour: a producer has changed what it sends.",
        board="whence-pipeline",
    ),
    Rule(
        uid="whence-checks",
        title="A quality check fails",
        sql="SELECT workspace, toFloat64(countIf(NOT success)) AS failing FROM quality_now WHERE at >= now64(3, 'UTC') - toIntervalDay(1) GROUP BY workspace",
        above=0,
        wait="15m",
        says="What landed of {{ .Labels.workspace }} is not as it should be: read the failing checks before believing the curves.",
        board="whence-pipeline",
    ),
    Rule(
        uid="whence-undelivered",
        title="Alerts do not arrive",
        sql="SELECT workspace, toFloat64(countIf(status NOT IN ('sent', 'dropped', 'held'))) AS waiting FROM deliveries_now GROUP BY workspace",
        above=0,
        wait="15m",
        says="A channel of {{ .Labels.workspace }} has not taken a message for a quarter of an hour.",
        board="whence-pipeline",
    ),
    Rule(
        uid="whence-unowned",
        title="A spike has no owner",
        sql="SELECT workspace, toFloat64(count()) AS spikes FROM spikes_now WHERE state = 'open' AND (workspace, spike_id) NOT IN (SELECT workspace, spike_id FROM attributions_now WHERE cause_owner != '' OR cause_kind = 'measurement') AND (workspace, spike_id) NOT IN (SELECT workspace, spike_id FROM feedback_now WHERE verdict = 'own') GROUP BY workspace",
        above=0,
        wait="30m",
        says="A spike of {{ .Labels.workspace }} has been open for half an hour, and no team owns it.",
        board="whence-now",
    ),
)


def _asked(rule: Rule) -> dict[str, Any]:
    model = {
        "datasource": {"type": PLUGIN, "uid": SOURCE.uid}, "editorType": "sql", "format": 1, "pluginVersion": PLUGIN_VERSION, "queryType": "table",
        "rawSql": rule.sql, "refId": "A",
    }  # fmt: skip
    return {"refId": "A", "datasourceUid": SOURCE.uid, "queryType": "table", "relativeTimeRange": {"from": 3600, "to": 0}, "model": model}  # fmt: skip


def _compared(rule: Rule) -> dict[str, Any]:
    condition = {"evaluator": {"type": "gt", "params": [rule.above]}, "operator": {"type": "and"}, "query": {"params": ["B"]}, "type": "query"}  # fmt: skip
    model = {"refId": "B", "type": "threshold", "expression": "A", "datasource": {"type": _EXPRESSIONS, "uid": _EXPRESSIONS}, "conditions": [condition]}  # fmt: skip
    return {"refId": "B", "datasourceUid": _EXPRESSIONS, "queryType": "", "relativeTimeRange": {"from": 0, "to": 0}, "model": model}  # fmt: skip


def rule_data(rule: Rule) -> dict[str, Any]:
    """A rule in the shape that provisioning files and the HTTP API share. Where nothing is found, nothing is wrong."""
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "B",
        "data": [_asked(rule), _compared(rule)],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule.wait,
        "annotations": {"summary": rule.says, "__dashboardUid__": rule.board, "__panelId__": "1"},
        "labels": {"product": "whence"},
        "isPaused": False,
    }


def rule_file() -> dict[str, Any]:
    """The file that Grafana reads at its start."""
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": "Whence",
        "interval": "1m",
        "rules": [rule_data(one) for one in RULES],
    }
    return {"apiVersion": 1, "groups": [group]}
