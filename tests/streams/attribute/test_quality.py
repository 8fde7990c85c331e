"""Signs that no customers are behind a spike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streams.attribute.case import SpikeWords
from streams.attribute.quality import CLEAR, REPEATED, _sample_lines

AROUND: Any = SimpleNamespace(spike=SimpleNamespace(excess=50.0, observed=100))


@pytest.mark.parametrize(("alike", "signs"), [(0.36, 0), (0.44, 1), (0.9, 1)])
def test_texts_alike_by_chance_are_no_sign_of_contacts_counted_twice(alike: float, signs: int) -> None:
    found = SpikeWords(sampled=60, repeated=0.02 + 0.5 * alike, repeated_before=0.02)
    lines = _sample_lines(AROUND, found)
    assert len(lines) == signs
    assert [CLEAR * line.weight > 5.0 for line in lines] == [alike > 2 * REPEATED] * signs
