"""Records in lessons: charts of what was measured when the shipped models were trained, and the figures in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.models.points import quality_at
from fm_core.playground import Library
from fm_core.refusals import entry
from fm_core.ui.charts import curves_figure, losses_of, point_figure, quality_figure, with_figures
from fm_core.ui.lessons import LessonError


@dataclass(frozen=True)
class Record:
    """A chart, and its figures by the names that conclusions use, such as "mnist-linear.fd@20"."""

    chart: go.Figure
    figures: dict[str, float]


def record(library: Library, kind: str, flows: Sequence[str]) -> Record:
    """The record of this kind of these flows. Raises a Refusal if a flow has no such figures."""
    return entry("the record", kind, RECORDS)(library, flows)


def _distance(library: Library, flows: Sequence[str]) -> Record:
    """Fréchet distance over the floor against NFE, of flows of images."""
    found = _judged(library, flows)
    qualities = {name: data["quality"] for name, data in found.items()}
    figures = {
        f"{name}.fd@{nfe}": value / quality["floor"]["fd"]
        for name, quality in qualities.items()
        for nfe, value in zip(quality["nfe"], quality["fd"], strict=True)
    }
    return Record(quality_figure(found, "fd"), figures)


def _w2(library: Library, flows: Sequence[str]) -> Record:
    """W2 over the floor against NFE, of flows of points."""
    found = _judged(library, flows)
    figures = {
        f"{name}.w2@{nfe}": quality_at(data["quality"], nfe)["ratio"]
        for name, data in found.items()
        for nfe in data["quality"]["nfe"]
    }
    return Record(point_figure(found, "ratio", list(flows)), figures)


def _loss(library: Library, flows: Sequence[str]) -> Record:
    """The training loss at the end of each epoch."""
    losses, problems = losses_of(list(flows), DEFAULT_DIRECTORY)
    if problems:
        raise LessonError(" ".join(problems))
    figures = {
        f"{name}.loss@{epoch}": value for name, values in losses.items() for epoch, value in enumerate(values, 1)
    }
    figures |= {f"{name}.loss": values[-1] for name, values in losses.items()}
    return Record(curves_figure(losses), figures)


def _judged(library: Library, flows: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = with_figures({name: library.metadata[name] for name in flows if name in library.metadata})
    if missing := [name for name in flows if name not in found]:
        raise LessonError(library.why_missing(missing) or f"{missing[0]} has no figures.")
    return found


RECORDS: dict[str, Callable[[Library, Sequence[str]], Record]] = {"distance": _distance, "w2": _w2, "loss": _loss}
