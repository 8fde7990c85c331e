"""The picture of ``whence detect``: what was counted, what was expected, and where it spiked.

Small multiples, one series each, the most surprising first. Drawn without a display; the same data give the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from streams.series import DAY_S, Judged
from whence.counts import Counts, shown, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from whence.detect import FoundSpike

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
COUNTED, EXPECTED, BAND, SPIKE = "#4d4d4d", "#0072b2", "#cfe4f3", "#d55e00"
# What would make two pictures of the same data differ.
UNDATED: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
MOST_STEPS = 750
LABELS = 3
WIDTH_IN, ROW_IN, DPI = 9.0, 1.75, 110
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "svg.hashsalt": "whence",
}


def draw(counts: Counts, judged: Judged, spikes: Sequence[FoundSpike], path: Path, *, panels: int) -> None:
    """Write the picture; its kind follows the name's ending."""
    chosen = most_surprising(counts, judged, spikes, panels)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, 0.9 + ROW_IN * len(chosen)), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
        for ax, series in zip(axes, chosen, strict=True):
            _panel(ax, counts, judged, _of(spikes, counts, series), series)
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=len(names), frameon=False)
        figure.suptitle(_title(counts, spikes, len(chosen)), x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure = Figure(figsize=(WIDTH_IN, 0.9 + ROW_IN * len(chosen)), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
        for ax, series in zip(axes, chosen, strict=True):
            _panel(ax, counts, judged, _of(spikes, counts, series), series)
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=len(names), frameon=False)
        figure.suptitle(_title(counts, spikes, len(chosen)), x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata=UNDATED[path.suffix.lower()])


def most_surprising(counts: Counts, judged: Judged, spikes: Sequence[FoundSpike], panels: int) -> list[int]:
    """Numbers of the series to show: those with the loudest spike first, then by their most surprising step."""
    rank = np.full(len(counts.names), -1.0)
    np.maximum.at(rank, counts.rows.series, np.nan_to_num(judged.surprise, nan=0.0))
    place = {name: number for number, name in enumerate(counts.names)}
    for spike in spikes:
        at = place[tuple(spike.series.values())]
        rank[at] = max(rank[at], 1e6 + spike.surprise)
    return [int(one) for one in np.argsort(-rank, kind="stable")[:panels]]


def _of(spikes: Sequence[FoundSpike], counts: Counts, series: int) -> list[FoundSpike]:
    return [one for one in spikes if tuple(one.series.values()) == counts.names[series]]


def _title(counts: Counts, spikes: Sequence[FoundSpike], drawn: int) -> str:
    many, found = len(counts.names), len(spikes)
    text = f"{found:,} spike{'s' * (found != 1)} in {many:,} series by {span(counts.step_s).removeprefix('1 ')}"
    return f"{text}: the {drawn} most surprising" if many > drawn else text


def _panel(ax: Axes, counts: Counts, judged: Judged, spikes: Sequence[FoundSpike], series: int) -> None:
    rows = np.flatnonzero(counts.rows.series == series)
    rows = rows[np.argsort(counts.rows.start_s[rows], kind="stable")]
    rows = _shown_rows(rows, judged)
    moments = _moments(counts, rows)
    ax.fill_between(
        moments, judged.lower[rows], judged.upper[rows], step="mid", color=BAND, linewidth=0, label="95% of chance"
    )
    ax.plot(moments, judged.expected[rows], color=EXPECTED, linewidth=1.1, label="expected")
    ax.plot(moments, counts.rows.count[rows], color=COUNTED, linewidth=0.7, label="counted")
    for number in np.unique(judged.spike[rows][judged.spike[rows] >= 0]):
        inside = rows[judged.spike[rows] == number]
        when, half = _moments(counts, inside), counts.step_s / DAY_S / 2
        ax.axvspan(when[0] - half, when[-1] + half, color=SPIKE, alpha=0.13, linewidth=0)
        ax.plot(when, counts.rows.count[inside], "o", color=SPIKE, markersize=3, zorder=5)
    _label(ax, counts, judged, rows, spikes)
    ax.plot([], [], "o", color=SPIKE, markersize=3, label="spike")
    ax.set_title(shown(counts.names[series]), loc="left", fontsize=9, color="#222222")
    ax.set_ylim(0, 1.25 * max(float(np.nanmax(counts.rows.count[rows], initial=0.0)), 1.0))
    ax.margins(x=0.01)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.tick_params(length=2.5)
    ax.grid(axis="y", color="#eeeeee", linewidth=0.6)
    ax.set_axisbelow(True)


def _label(ax: Axes, counts: Counts, judged: Judged, rows: Ints, spikes: Sequence[FoundSpike]) -> None:
    """What the loudest spikes in view amount to, beside their highest step."""
    for spike in sorted(spikes, key=lambda one: -one.surprise)[:LABELS]:
        inside = rows[judged.spike[rows] == spike.number]
        if not len(inside):
            continue
        top = inside[int(np.nanargmax(counts.rows.count[inside]))]
        ax.annotate(
            f"{spike.observed - spike.expected:+,.0f}  from {spike.start.replace('T', ' ')[:16]}",
            (_moments(counts, np.array([top]))[0], counts.rows.count[top]),
            xytext=(5, 3),
            textcoords="offset points",
            color=SPIKE,
            fontsize=7.5,
            annotation_clip=True,
            zorder=6,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


def _shown_rows(rows: Ints, judged: Judged) -> Ints:
    """The newest steps, or those around the loudest when it lies before them."""
    if len(rows) <= MOST_STEPS:
        return rows
    alarmed = np.flatnonzero(judged.spike[rows] >= 0)
    loudest = int(alarmed[np.nanargmax(judged.surprise[rows[alarmed]])]) if len(alarmed) else len(rows)
    last = min(max(loudest + MOST_STEPS // 3, MOST_STEPS), len(rows))
    return rows[last - MOST_STEPS : last]


def _moments(counts: Counts, rows: Ints) -> Floats:
    """Times as Matplotlib counts them: days since 1970."""
    return np.asarray(counts.rows.start_s[rows] / DAY_S)
