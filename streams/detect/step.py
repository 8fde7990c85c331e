"""Detect decides: frames in, spikes and expectations out, in event time.

Each watched stream has its own merger and detector. The budget is split between them as
:class:`streams.detect.settings.DetectSettings` states, so that neither depends on whether the other exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from msgspec.structs import replace

from schemas.catalog import EXPECTATIONS, FRAMES, SPIKES, Topic
from schemas.frame import Frame, WatchedStream
from schemas.spike import Expectation, Spike
from schemas.workspace import Workspace
from streams.detect.detector import Detector, Judged
from streams.detect.settings import DetectSettings
from streams.merge import Advance, Bucket, Merger, merge
from streams.stage import Outputs, Record, Stage


@dataclass(slots=True)
class StreamState:
    """One watched stream: what is not yet merged, what is known, what was written and when the input last ended."""

    merger: Merger
    detector: Detector
    expectation_seq: int = 0
    last: Bucket | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class DetectState:
    """All of a workspace's watched streams."""

    workspace: Workspace
    streams: dict[str, StreamState]


class Detect:
    """The stage; see :class:`streams.stage.Stage`."""

    name: str = "detect"
    reads: tuple[Topic, ...] = (FRAMES,)
    writes: tuple[Topic, ...] = (SPIKES, EXPECTATIONS)

    def __init__(self, settings: DetectSettings) -> None:
        self.settings = settings

    def start(self, workspace: Workspace) -> DetectState:
        """The state before any frame."""
        return DetectState(workspace, {name: self._stream(workspace, name) for name in get_args(WatchedStream)})

    def step(self, state: DetectState, event: Record) -> tuple[DetectState, Outputs]:
        """Apply one frame: judge every bucket that all inputs have now closed."""
        if not isinstance(event, Frame):
            return state, ()
        stream = state.streams[event.stream]
        stream.merger, advance = merge(stream.merger, replace(event, samples=()))
        outputs: list[tuple[Topic, Spike | Expectation]] = []
        for bucket in advance.buckets:
            judged = stream.detector.judge(bucket)
            stream.last = bucket
            outputs.extend((SPIKES, spike) for spike in judged.spikes)
            outputs.append((EXPECTATIONS, _expectation(state.workspace, stream, bucket, judged)))
        if advance.ended:
            outputs.extend(_ending(state.workspace, stream, advance))
        return state, tuple(outputs)

    def _stream(self, workspace: Workspace, name: WatchedStream) -> StreamState:
        merger = Merger(stream=name, sample_k=1, bucket_s=workspace.bucket_s, dimensions=workspace.dimensions)
        return StreamState(merger, Detector(workspace, name, self.settings))


def _expectation(workspace: Workspace, stream: StreamState, bucket: Bucket, judged: Judged) -> Expectation:
    stream.expectation_seq += 1
    return Expectation(
        workspace=workspace.name,
        origin=bucket.stream,
        seq=stream.expectation_seq,
        stream=bucket.stream,
        bucket_start=bucket.start,
        bucket_s=workspace.bucket_s,
        until=bucket.end,
        spike_seq=stream.detector.spike_seq,
        gap=judged.gap,
        bands=judged.bands,
    )


def _ending(workspace: Workspace, stream: StreamState, advance: Advance) -> list[tuple[Topic, Spike | Expectation]]:
    """Last revisions and the final expectation, once for every place at which the input ended."""
    until = advance.until
    if until is None or (stream.ended_at is not None and until <= stream.ended_at):
        return []
    stream.ended_at = until
    told = stream.detector.last_words()
    stream.expectation_seq += 1
    width = timedelta(seconds=workspace.bucket_s)
    final = Expectation(
        workspace=workspace.name,
        origin=stream.merger.stream,
        seq=stream.expectation_seq,
        stream=stream.merger.stream,
        bucket_start=stream.last.start if stream.last is not None else until - width,
        bucket_s=workspace.bucket_s,
        until=until,
        spike_seq=stream.detector.spike_seq,
        final=True,
    )
    return [*((SPIKES, spike) for spike in told), (EXPECTATIONS, final)]


DETECT: Stage[DetectState] = Detect(DetectSettings())
