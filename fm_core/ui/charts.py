"""Charts of what was measured when the shipped models were trained."""

from pathlib import Path

import plotly.graph_objects as go

from fm_core.checkpoints import CheckpointError
from fm_core.maths.measures import FAR
from fm_core.maths.quality import NFES
from fm_core.models.points import quality_at
from fm_core.training import report

POINT_FIGURES = {
    "flow_map_error": "flow-map error, median",
    "far": f"share of particles off by more than {FAR}",
    "ratio": f"{report.W2} / floor",
}
FIGURES = {
    "fd": "Fréchet distance / floor",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "confidence": "confidence of the classifier",
    "evenness": "evenness of the classes",
}
GREY, GRID, CLEAR = "#808080", "rgba(128,128,128,0.3)", "rgba(0,0,0,0)"  # readable on light and on dark


def with_figures(metadata: dict[str, dict]) -> dict[str, dict]:
    """The models whose files have figures that can be shown."""
    return {name: entries for name, entries in metadata.items() if "quality" in entries}


def losses_of(names: list[str], directory: Path) -> tuple[dict[str, list[float]], list[str]]:
    """The running training loss at the end of each epoch, by flow, and a sentence for each that cannot be read."""
    losses, problems = {}, []
    for name in names:
        try:
            losses[name] = [entry["loss"] for entry in report.curve(name, directory)]
        except CheckpointError as problem:
            problems.append(str(problem))
    return losses, problems


def point_figure(metadata: dict[str, dict], key: str, names: list[str]) -> go.Figure:
    """A figure of quality against NFE, a line per flow; W2 over the floor with ± 1 standard deviation over the seeds.

    The dashed line at 1 is the floor.
    """
    chart = _chart("NFE (Euler steps)", POINT_FIGURES[key]).update_xaxes(type="log", tickvals=NFES, range=[-0.1, 2.1])
    for name in names:
        quality = metadata[name]["quality"]
        at_nfes = [quality_at(quality, nfe) for nfe in quality["nfe"]]
        error = {"array": _ratio_deviations(at_nfes) if key == "ratio" else None, "thickness": 1}
        values = [at[key] for at in at_nfes]
        chart.add_scatter(x=quality["nfe"], y=values, error_y=error, name=name, mode="lines+markers")
    if key != "ratio":
        return chart.update_yaxes(tickformat=".1%", rangemode="tozero")
    return chart.update_yaxes(type="log", tickvals=NFES).add_hline(1, line={"dash": "dash", "color": GREY})


def _ratio_deviations(at_nfes: list[dict]) -> list[float]:
    """The standard deviation over the seeds of W2 over the floor, at each NFE; 0 where it was not measured."""
    return [(at["w2_std"] or 0) / at["floor"] for at in at_nfes]


def quality_figure(metadata: dict[str, dict], key: str) -> go.Figure:
    """A figure of quality against NFE, a line per flow; dashed: the score of training digits."""
    floor = next(iter(metadata.values()))["quality"]["floor"][key]
    unit = floor if key == "fd" else 1.0
    chart = _chart("NFE (Euler steps)", FIGURES[key])
    for name, data in metadata.items():
        figures = data["quality"]
        chart.add_scatter(x=figures["nfe"], y=[value / unit for value in figures[key]], name=name, mode="lines+markers")
    chart.add_hline(floor / unit, line={"dash": "dash", "color": GREY})
    return chart.update_xaxes(type="log", tickvals=NFES).update_yaxes(type="log" if key == "fd" else "linear")


def curves_figure(losses: dict[str, list[float]]) -> go.Figure:
    """The losses at the end of each epoch, a line per flow."""
    chart = _chart("epoch", "flow matching loss")
    for name, values in losses.items():
        chart.add_scatter(x=list(range(1, len(values) + 1)), y=values, name=name, mode="lines")
    return chart


def _chart(x: str, y: str) -> go.Figure:
    chart = go.Figure(layout={"template": "none", "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "font_color": GREY})
    chart.update_xaxes(title=x, gridcolor=GRID).update_yaxes(title=y, gridcolor=GRID, automargin=True)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return chart.update_layout(margin={"l": 56, "r": 12, "t": 12, "b": 56}, legend=legend)
