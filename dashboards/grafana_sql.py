"""A panel's SQL as the official ClickHouse plugin takes it: Grafana's variables and the plugin's macros in its places."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboards.panel import PARAMETERS

EVERYWHERE = "everywhere"

# A step is a whole number of buckets, so that no bucket is counted half here and half there.
_BUCKET_S = "(SELECT greatest(1, max(bucket_s)) FROM judged_now WHERE workspace = ${workspace:sqlstring})"
_THE_SPIKE = "FROM spikes_now WHERE workspace = ${workspace:sqlstring} AND spike_id = ${spike:sqlstring}"

GRAFANA = {
    "workspace": "${workspace:sqlstring}",
    "since": "$__fromTime_ms",
    "until": "$__toTime_ms",
    "step": f"toUInt32(ceil($__interval_s / {_BUCKET_S}) * {_BUCKET_S})",
}
# What else a dashboard's panels may ask for, by the variables that it has.
OF_SLICE = GRAFANA | {
    "stream": "${stream:sqlstring}",
    "slice": f"if(${{slice:sqlstring}} = '{EVERYWHERE}', '', ${{slice:sqlstring}})",
}
OF_COST = GRAFANA | {"hour_cost": "toFloat64OrZero(${hour_cost:sqlstring})"}
OF_CHANGE = OF_COST | {"change": "${change:sqlstring}"}
OF_SPIKE = OF_COST | {
    "spike": "${spike:sqlstring}",
    "stream": f"(SELECT max(stream) {_THE_SPIKE})",
    "slice": f"(SELECT max(slice) {_THE_SPIKE})",
    "names": f"(SELECT groupArrayArray(mapKeys(slice_pairs)) {_THE_SPIKE})",
    "values": f"(SELECT groupArrayArray(mapValues(slice_pairs)) {_THE_SPIKE})",
}

_PLACES = re.compile("|".join(re.escape(f"{{{name}:{kind}}}") for name, kind in PARAMETERS.items()))
_SPAN = re.compile(r"([\w.]+) >= \$__fromTime_ms AND \1 < \$__toTime_ms")


def grafana_sql(sql: str, places: Mapping[str, str] = OF_SLICE) -> str:
    """A panel's SQL for a dashboard with these variables.

    Raises:
        KeyError: the panel asks for something that the dashboard does not know, such as one spike.
    """
    filled = _PLACES.sub(lambda found: places[found[0][1:].split(":", 1)[0]], sql).strip()
    return _SPAN.sub(r"$__timeFilter_ms(\1)", filled)
