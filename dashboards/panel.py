"""What a panel is: one question to the store, with what a person needs to read the answer."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dashboards.columns import COLUMN, Column
from dashboards.query import Parameters, parameters_of

Unit = Literal["contacts", "messages", "rows", "share", "time", "minutes", "seconds", "none"]
# A curve has a column `t`, an aligned one `hour`; the others are drawn as rows.
Shape = Literal["curve", "aligned", "table", "stat", "bars"]

# Every name that a panel's SQL may ask for, with the type it asks by.
PARAMETERS = {
    "workspace": "String",
    "stream": "String",
    "slice": "String",
    "spike": "String",
    "change": "String",
    "hour_cost": "Float64",
    "since": "DateTime64(3, 'UTC')",
    "until": "DateTime64(3, 'UTC')",
    "step": "UInt32",
    "names": "Array(String)",
    "values": "Array(String)",
}


class Threshold(Struct, frozen=True, kw_only=True):
    """From ``value`` on the panel is ``level``."""

    value: float
    level: Literal["calm", "look", "act"]


class Panel(Struct, frozen=True, kw_only=True):
    """One panel, rendered both by the built-in page and by Grafana.

    ``columns`` are what the query gives, in order; ``empty`` is what no rows mean, said to a person.
    """

    id: str
    title: str
    sql: str
    columns: tuple[str, ...]
    empty: str
    unit: Unit = "none"
    shape: Shape = "table"
    thresholds: tuple[Threshold, ...] = ()

    @property
    def described(self) -> tuple[Column, ...]:
        """What each column is called and how its values read."""
        return tuple(COLUMN[name] for name in self.columns)

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that the query asks for."""
        return parameters_of(self.sql)


def parameter(name: str) -> str:
    """How a panel's SQL asks for a parameter.

    >>> parameter("step")
    '{step:UInt32}'
    """
    return f"{{{name}:{PARAMETERS[name]}}}"


def needed(panel: Panel, parameters: Parameters) -> Parameters:
    """Of all parameters those that the panel asks for."""
    return {name: value for name, value in parameters.items() if name in panel.parameters}
