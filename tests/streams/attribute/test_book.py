"""The book of changes: who knew what when, and the words of a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from schemas.timeline import Change
from stats.words import slot
from streams.attribute.book import Book, add, change_words, visible

AT = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def change(**more: Any) -> Change:
    given: dict[str, Any] = {"key": "c", "kind": "release", "starts_at": AT, "available_at": AT, "recorded_at": AT}
    return Change(**{**given, **more})


def test_a_live_decision_sees_only_what_was_available_before_it() -> None:
    book = Book()
    add(book, change(available_at=AT + 2 * HOUR), before=None)
    assert visible(book, AT + 2 * HOUR, final=False) == []
    assert len(visible(book, AT + 3 * HOUR, final=False)) == 1
    assert len(visible(book, AT + HOUR, final=True)) == 1


def test_a_record_that_comes_late_is_not_known_before_it_came() -> None:
    book = Book()
    assert add(book, change(), before=AT + 5 * HOUR) == AT + 5 * HOUR
    assert visible(book, AT + 4 * HOUR, final=True) == []


def test_the_latest_record_counts_in_whatever_order_records_came() -> None:
    first, second = change(title="draft"), change(title="done", recorded_at=AT + HOUR, available_at=AT + HOUR)
    for order in ((first, second), (second, first)):
        book = Book()
        for one in order:
            add(book, one, before=None)
        assert [version.change.title for version in visible(book, AT + 2 * HOUR, final=False)] == ["done"]
        assert [version.change.title for version in visible(book, AT + HOUR, final=False)] == ["draft"]


def test_a_code_weighs_more_than_text_and_what_is_fixed_less() -> None:
    words = change_words(change(code="SPRING20", text="New colours. || Fixed: crash when printing"))
    weight = dict(zip(words.slots.tolist(), words.weights.tolist(), strict=True))
    assert weight[slot("spring20")] > weight[slot("colours")] > weight[slot("printing")]
    assert slot("printing") in words.fixing
    assert slot("colours") not in words.fixing


def test_version_numbers_are_no_words() -> None:
    assert len(change_words(change(title="89.0", text="89")).slots) == 0


def test_how_people_write_of_its_kind_is_none_of_a_changes_own_words_but_its_code_is() -> None:
    told = change(kind="promotion", title="Bonus offer", text="discount on wishlist", code="OFFER")
    assert set(change_words(told).slots.tolist()) == {slot("wishlist"), slot("offer")}
    assert slot("bonus") in change_words(replace(told, kind="release")).slots


def test_endless_notes_are_cut() -> None:
    text = "word " * 19_999 + " last" + " " + "beyond " * 10_000
    assert slot("beyond") not in change_words(change(text=text)).slots


def test_an_edited_change_keeps_its_other_fields() -> None:
    book = Book()
    add(book, change(), before=None)
    add(book, replace(change(), text="edited", recorded_at=AT + HOUR), before=None)
    assert [len(versions) for versions in book.versions.values()] == [2]
