"""Merging is indifferent to partitions and to the order in which their frames come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.frame import Frame, Sample, Signs
from streams.merge import Bucket, Merger, merge

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def frame(
    origin: str, bucket: int, counts: dict[str, int], *, inputs: tuple[str, ...], until: int, **more: object
) -> Frame:
    return Frame(
        workspace="acme",
        origin=origin,
        seq=bucket + 1,
        stream="contacts",
        inputs=inputs,
        bucket_start=START + bucket * MINUTE,
        bucket_s=60,
        until=START + until * MINUTE,
        dimensions=("platform",),
        leaves=tuple((name,) for name in counts),
        counts=tuple(counts.values()),
        **more,  # type: ignore[arg-type]
    )


def run(frames: list[Frame], sample_k: int = 2) -> tuple[list[Bucket], bool]:
    merger = Merger(stream="contacts", sample_k=sample_k, bucket_s=60)
    buckets: list[Bucket] = []
    ended = False
    for one in frames:
        merger, advance = merge(merger, one)
        buckets += advance.buckets
        ended = advance.ended
    return buckets, ended


def test_a_bucket_waits_for_every_input() -> None:
    inputs = ("tickets/0", "tickets/1")
    first = frame("tickets/0", 0, {"ios": 2}, inputs=inputs, until=1)
    second = frame("tickets/1", 0, {"ios": 3, "android": 1}, inputs=inputs, until=1)
    assert run([first]) == ([], False)
    (bucket,), _ = run([first, second])
    assert bucket.counts == {("android",): 1, ("ios",): 5}
    assert (bucket.start, bucket.end) == (START, START + MINUTE)


def test_empty_stretches_become_empty_buckets() -> None:
    frames = [
        frame("t/0", 0, {"ios": 1}, inputs=("t/0",), until=1),
        frame("t/0", 4, {"ios": 1}, inputs=("t/0",), until=5),
    ]
    buckets, _ = run(frames)
    assert [sum(b.counts.values()) for b in buckets] == [1, 0, 0, 0, 1]


def test_nothing_is_judged_before_the_first_contact() -> None:
    buckets, _ = run(
        [frame("t/0", 3, {}, inputs=("t/0",), until=3), frame("t/0", 5, {"ios": 1}, inputs=("t/0",), until=6)]
    )
    assert [b.start for b in buckets] == [START + 5 * MINUTE]


def test_a_bucket_in_parts_is_handed_on_with_its_last_part() -> None:
    parts = [
        frame("t/0", 0, {"ios": 2}, inputs=("t/0",), until=0, part=0, parts=2),
        frame("t/0", 0, {"android": 1}, inputs=("t/0",), until=1, part=1, parts=2),
    ]
    assert run(parts[:1])[0] == []
    assert run(parts)[0][0].counts == {("android",): 1, ("ios",): 2}


def test_the_end_is_told_once_all_inputs_have_ended() -> None:
    inputs = ("t/0", "t/1")
    frames = [frame(name, 0, {"ios": 1}, inputs=inputs, until=1, final=True) for name in inputs]
    assert not run(frames[:1])[1]
    assert run(frames)[1]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), max_size=40), st.integers(1, 5), st.randoms())
def test_partitions_and_order_change_nothing(contacts: list[tuple[int, str]], partitions: int, random: Random) -> None:
    assert run(split(contacts, 1, random)) == run(split(contacts, partitions, random))


def split(contacts: list[tuple[int, str]], partitions: int, random: Random) -> list[Frame]:
    """Frames of the contacts over so many partitions, interleaved at random, each partition in order."""
    inputs = tuple(f"t/{p}" for p in range(partitions))
    queues = []
    for p, name in enumerate(inputs):
        own = [(i, b, leaf) for i, (b, leaf) in enumerate(contacts) if i % partitions == p]
        queues.append([_frame_of(name, b, [(i, leaf) for i, at, leaf in own if at == b], inputs) for b in range(6)])
    order = [name for name, queue in enumerate(queues) for _ in queue]
    random.shuffle(order)
    return [queues[name].pop(0) for name in order]


def _frame_of(origin: str, bucket: int, own: list[tuple[int, str]], inputs: tuple[str, ...]) -> Frame:
    leaves = sorted({leaf for _, leaf in own})
    samples = [
        Sample(rank=i * 7919 % 101, event_id=str(i), leaf=leaves.index(leaf), occurred_at=START) for i, leaf in own
    ]
    kept = [s for leaf in range(len(leaves)) for s in sorted((s for s in samples if s.leaf == leaf), key=_rank)[:2]]
    counts = {leaf: sum(other == leaf for _, other in own) for leaf in leaves}
    return frame(origin, bucket, counts, inputs=inputs, until=bucket + 1, samples=tuple(kept), final=bucket == 5)


def _rank(sample: Sample) -> tuple[int, str]:
    return sample.rank, sample.event_id


def test_signs_add_up_and_customers_take_the_largest() -> None:
    inputs = ("t/0", "t/1")
    signs = (
        Signs(repeats=1, top_customer=5, missing={"platform": 2}),
        Signs(repeats=2, top_customer=3, missing={"platform": 1}),
    )
    frames = [frame(n, 0, {"ios": 9}, inputs=inputs, until=1, signs=s) for n, s in zip(inputs, signs, strict=True)]
    assert run(frames)[0][0].signs == Signs(repeats=3, top_customer=5, missing={"platform": 3})
