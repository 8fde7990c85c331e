"""How dashboards reach the store: one callable that takes SQL with named parameters and gives rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Row = Mapping[str, object]
Parameters = Mapping[str, object]
_PARAMETER = re.compile(r"\{(\w+):")


class Query(Protocol):
    """Runs one query. It may block and raise: the page calls it in a thread and says what failed."""

    def __call__(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        """Rows of ``sql``, whose ``{name:Type}`` places are filled by the server from ``parameters``."""
        ...


def from_client(client: Any) -> Query:
    """A query callable over a ``clickhouse_connect`` client, embedded or remote.

    The client is used from several threads at once, so it must not share a session
    (``autogenerate_session_id=False``).
    """

    def query(sql: str, parameters: Parameters) -> Sequence[Row]:
        named = {name: value for name, value in parameters.items() if name in parameters_of(sql)}
        return list(client.query(sql, parameters=named).named_results())

    return query


def parameters_of(sql: str) -> frozenset[str]:
    """Names of the parameters that a query asks for.

    >>> sorted(parameters_of("SELECT {step:UInt32}, {slice:String}"))
    ['slice', 'step']
    """
    return frozenset(_PARAMETER.findall(sql))
