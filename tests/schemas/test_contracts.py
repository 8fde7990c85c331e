"""Laws over every topic: examples pass or are refused, by msgspec and by an independent validator alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas.catalog import BY_NAME, TOPICS, Topic
from schemas.codec import decode, encode
from schemas.contracts import contract, render

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "schemas" / "examples"


def examples(topic: Topic) -> dict[str, Any]:
    path = EXAMPLES / f"{topic.name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def patched(value: Any, patch: Any) -> Any:
    """RFC 7396 merge patch."""
    if not isinstance(patch, dict):
        return patch
    base = value if isinstance(value, dict) else {}
    merged = {**base, **{k: patched(base.get(k), v) for k, v in patch.items() if v is not None}}
    return {k: v for k, v in merged.items() if not (k in patch and patch[k] is None)}


def validator(topic: Topic) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(contract(topic), format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_every_topic_has_three_examples_of_each_sort(topic: Topic) -> None:
    found = examples(topic)
    assert len(found["accept"]) >= 3
    assert len(found["refuse"]) >= 3


def test_no_example_speaks_of_a_topic_that_does_not_exist() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == set(BY_NAME)


def accepted() -> list[Any]:
    return [pytest.param(t, v, id=f"{t.name}-{i}") for t in TOPICS for i, v in enumerate(examples(t)["accept"])]


def refused() -> list[Any]:
    return [
        pytest.param(t, patched(examples(t)["accept"][0], r["patch"]), id=f"{t.name}: {r['why']}")
        for t in TOPICS
        for r in examples(t)["refuse"]
    ]


@pytest.mark.parametrize(("topic", "value"), accepted())
def test_accepted_examples_survive_a_round_trip(topic: Topic, value: dict[str, Any]) -> None:
    record = decode(topic.type, json.dumps(value).encode())
    assert decode(topic.type, encode(record)) == record


@pytest.mark.parametrize(("topic", "value"), accepted())
def test_accepted_examples_satisfy_the_published_contract(topic: Topic, value: dict[str, Any]) -> None:
    assert [error.message for error in validator(topic).iter_errors(value)] == []


@pytest.mark.parametrize(("topic", "value"), accepted())
def test_what_we_write_satisfies_the_published_contract(topic: Topic, value: dict[str, Any]) -> None:
    written = json.loads(encode(decode(topic.type, json.dumps(value).encode())))
    assert [error.message for error in validator(topic).iter_errors(written)] == []


@pytest.mark.parametrize(("topic", "value"), refused())
def test_refused_examples_are_refused(topic: Topic, value: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(topic.type, json.dumps(value).encode())


@pytest.mark.parametrize(("topic", "value"), refused())
def test_refused_examples_break_the_published_contract(topic: Topic, value: dict[str, Any]) -> None:
    assert not validator(topic).is_valid(value)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_committed_contracts_are_fresh(topic: Topic) -> None:
    committed = ROOT / "docs" / "contracts" / f"{topic.name}.schema.json"
    assert committed.read_text(encoding="utf-8") == render(topic), "run `make contracts` and commit"


def test_no_contract_is_left_of_a_topic_that_is_gone() -> None:
    assert {path.name for path in (ROOT / "docs" / "contracts").iterdir()} == {f"{n}.schema.json" for n in BY_NAME}


def test_encoding_is_the_same_for_equal_records() -> None:
    value = examples(BY_NAME["frames"])["accept"][0]
    shuffled = dict(reversed(value.items()))
    frames = BY_NAME["frames"].type
    assert encode(decode(frames, json.dumps(value).encode())) == encode(decode(frames, json.dumps(shuffled).encode()))
