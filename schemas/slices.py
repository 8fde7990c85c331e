"""Slices: which contacts a number speaks of, as ``dimension=value`` pairs.

A slice's canonical text is its pairs sorted by dimension and joined by ``", "``; the empty text is
everywhere. A leaf fixes every dimension of its workspace, in the workspace's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MISSING = ""
OTHER = "other"


def slice_text(pairs: Mapping[str, str]) -> str:
    """The canonical text of a slice.

    >>> slice_text({"product": "app", "platform": "ios"})
    'platform=ios, product=app'
    >>> slice_text({})
    ''
    """
    return ", ".join(f"{name}={pairs[name]}" for name in sorted(pairs))


def parse_slice(text: str) -> dict[str, str]:
    """The pairs of a slice's canonical text; the inverse of :func:`slice_text`.

    >>> parse_slice("platform=ios, product=app")
    {'platform': 'ios', 'product': 'app'}
    """
    return dict(pair.split("=", 1) for pair in text.split(", ")) if text else {}


def contains(pairs: Mapping[str, str], leaf: Sequence[str], dimensions: Sequence[str]) -> bool:
    """Whether a leaf, given in the order of ``dimensions``, lies inside a slice.

    >>> contains({"platform": "ios"}, ("app", "ios"), ("product", "platform"))
    True
    """
    at = dict(zip(dimensions, leaf, strict=True))
    return all(at.get(name) == value for name, value in pairs.items())
