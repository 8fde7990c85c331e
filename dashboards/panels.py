"""Every panel, once, by the view that shows it; the page and Grafana both follow this map."""

from __future__ import annotations

from typing import Literal, get_args

from dashboards import now, pipeline, spike
from dashboards.panel import Panel

ViewName = Literal["now", "spike", "changes", "pipeline"]
VIEW_NAMES: tuple[ViewName, ...] = get_args(ViewName)

VIEWS: dict[ViewName, tuple[Panel, ...]] = {
    "now": (now.VOLUME, now.TOTALS, now.SLICES, now.SPIKES, now.CHANGES),
    "spike": (
        spike.SPIKE_NOW, spike.CURVE, spike.ATTRIBUTION, spike.CANDIDATES, spike.EVIDENCE, spike.QUOTES, spike.TERMS,
        spike.NEAR, spike.REVISIONS,
    ),
    "changes": (now.ALL_CHANGES, now.ALL_SPIKES),
    "pipeline": (
        pipeline.PROGRESS, pipeline.STORED, pipeline.LETTERS, pipeline.RECENT_LETTERS, pipeline.LATE, pipeline.CHECKS,
    ),
}  # fmt: skip

WORKSPACES = Panel(
    id="workspaces",
    title="Workspaces",
    columns=("workspace", "first", "now", "bucket_s", "streams"),
    sql="""
SELECT p.workspace AS workspace, if(j.bucket_s = 0, subtractDays(p.heard, 1), j.first) AS first,
    if(j.bucket_s = 0, p.heard, p.judged) AS now, if(j.bucket_s = 0, 60, j.bucket_s) AS bucket_s, p.streams AS streams
FROM (
    SELECT workspace, max(until) AS heard, maxIf(until, topic = 'expectations') AS judged,
        arraySort(groupUniqArrayIf(stream, topic = 'expectations')) AS streams
    FROM progress_now
    GROUP BY workspace
) AS p
LEFT JOIN (SELECT workspace, min(bucket_start) AS first, max(bucket_s) AS bucket_s FROM judged_now GROUP BY workspace) AS j
    ON j.workspace = p.workspace
ORDER BY now DESC, workspace
""",
    empty="No contacts yet.",
)
