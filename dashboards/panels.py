"""Every panel, once, by the view that shows it; the page and Grafana both follow this map."""

from __future__ import annotations

from typing import Literal, get_args

from dashboards import bill, campaigns, now, pipeline, releases, spike
from dashboards.panel import Panel

ViewName = Literal["now", "spike", "releases", "campaigns", "bill", "changes", "pipeline"]
VIEW_NAMES: tuple[ViewName, ...] = get_args(ViewName)

VIEWS: dict[ViewName, tuple[Panel, ...]] = {
    "now": (now.VOLUME, now.TOTALS, now.SLICES, now.SPIKES, now.CHANGES, now.WAITS, now.FRESHNESS),
    "spike": (
        spike.SPIKE_NOW, spike.CURVE, spike.ATTRIBUTION, spike.COST, spike.CANDIDATES, spike.EVIDENCE, spike.QUOTES, spike.TERMS, spike.HIT,
        spike.NEAR, spike.REVISIONS, spike.PEOPLE,
    ),
    "releases": (
        releases.RELEASE_SUMMARY, releases.RELEASES, releases.RELEASE_CURVE, releases.RELEASE_WORDS, releases.ADOPTION, releases.FIXES,
    ),
    "campaigns": (
        campaigns.PROMOTIONS, campaigns.NEXT, campaigns.PROMOTION_CURVE, campaigns.CLAIMS, campaigns.UNAWARE, campaigns.EXPOSED, campaigns.SURVEYS,
    ),
    "bill": (bill.BILL_TOTAL, bill.BILL_CURVE, bill.BILL, bill.DEAREST, bill.REPEATS, bill.UNOWNED),
    "changes": (now.ALL_CHANGES, now.ALL_SPIKES),
    "pipeline": (
        pipeline.PROGRESS, pipeline.STORED, pipeline.LETTERS, pipeline.RECENT_LETTERS, pipeline.LATE, pipeline.CHECKS, pipeline.DELAYS,
        pipeline.UNDELIVERED, pipeline.BUDGET, pipeline.CALIBRATION,
    ),
}  # fmt: skip

# Views of one change, and the list that it is chosen from.
CHOICES: dict[str, Panel] = {"releases": releases.RELEASES, "campaigns": campaigns.PROMOTIONS}

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
