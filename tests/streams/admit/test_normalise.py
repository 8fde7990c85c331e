"""One spelling for one thing."""

from __future__ import annotations

import pytest

from schemas.slices import parse_slice, slice_text
from streams.admit.normalise import fold, spell


@pytest.mark.parametrize(
    ("field", "given", "spelt"),
    [
        ("platform", "iOS", "ios"),
        ("platform", " iPhone  OS ", "ios"),
        ("platform", "Mac OS X", "macos"),
        ("platform", "Windows 10 (64-bit)", "windows 10"),
        ("platform", "Android", "android"),
        ("platform", "", ""),
        ("version", "v5.2.0", "5.2.0"),
        ("version", "Version 89.0 (64-bit)", "89.0"),
        ("version", "102.0.5005.115", "102.0.5005.115"),
        ("version", "vista", "vista"),
        ("language", "en_us", "en-US"),
        ("language", "ZH-hans-cn", "zh-Hans-CN"),
        ("language", "DE", "de"),
        ("region", "usa", "US"),
        ("region", "United Kingdom", "GB"),
        ("region", "de", "DE"),
        ("region", "us-ca", "US-CA"),
        ("region", "Bavaria", "Bavaria"),
        ("topic", "  Billing,\tcards = old ", "Billing cards old"),
        ("team", "jo@example.org", "<email>"),
        ("product", "x" * 200, "x" * 120),
    ],
)
def test_one_spelling(field: str, given: str, spelt: str) -> None:
    assert spell(field, given) == spelt
    assert spell(field, spelt) == spelt


@pytest.mark.parametrize("nasty", ["a=b", "a, b=c", ", ", "=", "a\nb", "a ,b"])
def test_slices_of_spelt_values_can_be_parsed(nasty: str) -> None:
    pairs = {"product": spell("product", nasty), "topic": "x"}
    assert parse_slice(slice_text(pairs)) == pairs


def test_values_that_are_not_kept_fold_but_missing_ones_do_not() -> None:
    keep = frozenset({"ios"})
    assert [fold(value, keep) for value in ("ios", "web", "")] == ["ios", "other", ""]
    assert fold("web", None) == "web"
