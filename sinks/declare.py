"""How a table of ours is declared: its columns as lines, and the version by which a later row replaces an earlier."""

from __future__ import annotations

from sinks.columns import Column, Kept, Table, parsed

DIMENSIONS = ("channel", "product", "platform", "version", "region", "language", "segment", "topic", "team")
DIMENSION_COLUMNS = "\n".join(f"{name} word" for name in DIMENSIONS)
_STORED = (Column("stored_at", "DateTime('UTC')", "now('UTC')", written=False),)
# The time in the record's message, then its offset: what was written last wins, also when a replay begins again at 1.
# Producers' clocks may differ by less than a failover takes (six seconds), after which another goes on writing.
_VERSION = (Column("row_version", "UInt64"), *_STORED)
# A contact that was counted stays so when a second replay brings it again, by then too late to count.
CONTACT_VERSION = (
    Column(
        "row_version",
        "UInt64",
        "toUInt64(toUnixTimestamp64Milli(ingested_at)) + if(counted, 4611686018427387904, 0)",
        written=False,
    ),
    *_STORED,
)


def table(
    name: str,
    purpose: str,
    columns: str,
    *,
    key: str,
    kept: Kept = "decisions",
    partition: str = "",
    version: tuple[Column, ...] = _VERSION,
    check: str = "",
) -> Table:
    return Table(
        name=name,
        purpose=purpose,
        columns=(*parsed(columns), *version),
        key=tuple(key.split()),
        kept=kept,
        partition=partition,
        check=check,
    )
