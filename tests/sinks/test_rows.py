"""Records become rows: laws over every topic, and what the rows say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalog
from schemas.catalog import STAGE_TOPICS, Topic
from schemas.dead_letter import DeadLetter
from schemas.frame import Frame, Signs
from sinks.rows import millis, row_version, rows
from sinks.tables import TABLE, TABLES
from tests.sinks.examples import examples

BY_ROWS = [topic for topic in STAGE_TOPICS if topic is not catalog.CONTACTS]
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("topic", BY_ROWS, ids=lambda topic: topic.name)
def test_rows_have_the_width_of_their_table_and_end_with_the_version(topic: Topic) -> None:
    for record in examples(topic):
        made = list(rows(topic, record, 42))
        assert made
        for table, row in made:
            assert len(row) == len(TABLE[table].written), table
            assert row[-1] == 42


def test_every_table_is_filled_by_some_topic() -> None:
    filled = {table for topic in BY_ROWS for record in examples(topic) for table, _ in rows(topic, record, 1)}
    assert filled | {"contacts", "hunches"} == {table.name for table in TABLES}


def test_raw_topics_are_never_sunk() -> None:
    for topic in catalog.RAW_TOPICS:
        with pytest.raises(KeyError):
            rows(topic, examples(topic)[0], 1)


def frame(**changed: object) -> Frame:
    plain: dict[str, object] = {
        "workspace": "acme", "origin": "tickets/0", "seq": 7, "stream": "contacts", "inputs": ("tickets/0",),
        "bucket_start": AT, "bucket_s": 60, "until": AT, "dimensions": ("product", "platform"),
    }  # fmt: skip
    return Frame(**{**plain, **changed})  # type: ignore[arg-type]


def test_a_frame_gives_one_count_per_leaf_under_the_nine_columns() -> None:
    made = list(rows(catalog.FRAMES, frame(leaves=(("app", "ios"), ("app", "")), counts=(3, 2)), 1))
    assert [table for table, _ in made] == ["counts", "counts", "frames", "progress"]
    names = [column.name for column in TABLE["counts"].written]
    first = dict(zip(names, made[0][1], strict=True))
    assert (first["product"], first["platform"], first["version"], first["contacts"]) == ("app", "ios", "", 3)
    assert made[0][1] != made[1][1]


def test_the_same_leaf_has_the_same_id_whatever_the_order_of_dimensions() -> None:
    one = next(rows(catalog.FRAMES, frame(leaves=(("app", "ios"),), counts=(1,)), 1))
    other = frame(dimensions=("platform", "product"), leaves=(("ios", "app"),), counts=(1,))
    assert next(rows(catalog.FRAMES, other, 1)) == one


def test_an_empty_frame_is_only_progress_and_one_with_signs_is_kept() -> None:
    assert [table for table, _ in rows(catalog.FRAMES, frame(), 1)] == ["progress"]
    made = rows(catalog.FRAMES, frame(signs=Signs(late=4)), 1)
    assert [table for table, _ in made] == ["frames", "progress"]


def test_the_bytes_of_a_dead_letter_stay_on_the_topic() -> None:
    one = DeadLetter(letter_id="tickets/0/1", stage="admit", topic="tickets", partition=0, offset=1, at=AT,
                     reason="not_json", original=b"secret bytes")  # fmt: skip
    ((_, row),) = rows(catalog.DEAD_LETTERS, one, 1)
    assert b"secret bytes" not in row
    assert "secret" not in repr(row)
    assert row[-2] == len(b"secret bytes")


def test_candidates_come_before_the_attribution_that_they_belong_to() -> None:
    made = [table for table, _ in rows(catalog.ATTRIBUTIONS, examples(catalog.ATTRIBUTIONS)[0], 1)]
    assert made[-1] == "attributions"
    assert set(made[:-1]) == {"candidates"}


@given(st.integers(0, 2**42), st.integers(0, 2**20 - 2))
def test_what_was_written_later_has_the_higher_version(written_ms: int, offset: int) -> None:
    assert (
        row_version(written_ms, offset) < row_version(written_ms, offset + 1) < row_version(written_ms + 1, 0) < 2**64
    )


def test_milliseconds_are_exact() -> None:
    assert millis(datetime(2026, 3, 1, 0, 0, 0, 1999, tzinfo=UTC)) == 1772323200001
