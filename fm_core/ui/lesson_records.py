"""Records in lessons: charts of what was measured when the shipped models were trained, and the figures in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import mean
from typing import Any

import plotly.graph_objects as go
import torch

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.library import Library
from fm_core.maths.exact import exact_velocity
from fm_core.maths.matching import INDEPENDENT, matching_loss
from fm_core.models.catalogue import POINT_RECIPES
from fm_core.models.points import PointRecipe, quality_at
from fm_core.refusals import entry
from fm_core.ui.charts import GREY, curves_figure, losses_of, point_figure, quality_figure, with_figures
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
    ratios = {
        name: value / data["quality"]["floor"]["fd"]
        for flow, data in found.items()
        for name, value in _at_nfes(flow, data["quality"], "fd").items()
    }
    return Record(quality_figure(found, "fd"), ratios)


def _evenness(library: Library, flows: Sequence[str]) -> Record:
    """Evenness of the classes against NFE, of flows of images; without NFE, that of training digits."""
    found = _judged(library, flows)
    figures = {f"{flow}.evenness": data["quality"]["floor"]["evenness"] for flow, data in found.items()}
    for flow, data in found.items():
        figures |= _at_nfes(flow, data["quality"], "evenness")
    return Record(quality_figure(found, "evenness"), figures)


def _at_nfes(flow: str, quality: dict[str, Any], key: str) -> dict[str, float]:
    """The values of a figure by their names, such as "mnist-linear.fd@20"."""
    return {f"{flow}.{key}@{nfe}": value for nfe, value in zip(quality["nfe"], quality[key], strict=True)}


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
    """The training loss at the end of each epoch: `.loss` of the last one, `.first` of the first, and `.rise`, the
    largest rise above an earlier value. For points also `.least`, the loss of the best network of its kind.
    """
    losses, problems = losses_of(list(flows), DEFAULT_DIRECTORY)
    if problems:
        raise LessonError(" ".join(problems))
    figures = {
        f"{name}.loss@{epoch}": value for name, values in losses.items() for epoch, value in enumerate(values, 1)
    }
    for name, values in losses.items():
        rises = [value - min(values[: epoch + 1]) for epoch, value in enumerate(values)]
        figures |= {f"{name}.loss": values[-1], f"{name}.first": values[0], f"{name}.rise": max(rises)}
    chart = curves_figure(losses)
    for name in [name for name in flows if name in POINT_RECIPES and POINT_RECIPES[name].coupling is INDEPENDENT]:
        figures[f"{name}.least"] = least = least_loss(POINT_RECIPES[name])
        chart.add_hline(least, line={"dash": "dash", "color": GREY})
    return Record(chart, figures)


@lru_cache
def least_loss(recipe: PointRecipe, batches: int = 60) -> float:
    """The loss of the best velocity, E‖dX_t/dt − v_t(X_t)‖² with v_t(x) = E[dX_t/dt | X_t = x], over batches as in
    training. With a ReLU after the last layer it is max(0, v_t), component by component. For independent pairs only.
    """
    generator = torch.Generator().manual_seed(0)
    exact = exact_velocity(recipe.source, recipe.target, recipe.schedule)
    best = (lambda x, t: exact(x, t).relu()) if recipe.relu_output else exact
    drawn = ((*recipe.draw(generator), recipe.draw_times(generator)) for _ in range(batches))
    return mean(matching_loss(best, recipe.schedule, *batch).item() for batch in drawn)


def _judged(library: Library, flows: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = with_figures({name: library.metadata[name] for name in flows if name in library.metadata})
    if missing := [name for name in flows if name not in found]:
        raise LessonError(library.why_missing(missing) or f"{missing[0]} has no figures.")
    return found


RECORDS: dict[str, Callable[[Library, Sequence[str]], Record]] = {
    "distance": _distance,
    "evenness": _evenness,
    "w2": _w2,
    "loss": _loss,
}
