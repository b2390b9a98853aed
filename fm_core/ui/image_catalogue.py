"""The image flows in the tab of trained flows: how good they are against steps, and how they learned."""

from pathlib import Path

import gradio as gr
import plotly.graph_objects as go

from fm_core import report
from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.image_playground import ImageLibrary
from fm_core.ui.catalogue_tab import GREY, GRID

FIGURES = {
    "Fréchet distance / floor": "fd",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "confidence of the classifier": "confidence",
    "evenness of the classes": "evenness",
}
EXPLANATION = """### Image flows

A digit classifier judges 10,000 generated images against MNIST's 10,000 test digits. The **Fréchet distance** compares
the clouds of its penultimate features; its **floor** is what as many training digits score. Precision, recall and
coverage compare the clouds by nearest neighbours; dashed is what training digits reach."""


def create_image_catalogue(library: ImageLibrary, directory: Path = DEFAULT_DIRECTORY) -> None:
    judged = {name: data["quality"] for name, data in library.metadata.items() if "fd" in data["quality"]}
    if not judged:
        return
    gr.Markdown(EXPLANATION)
    chosen = gr.Dropdown(list(FIGURES), label="Figure against NFE", elem_id="image-figure")
    with gr.Row():
        first = next(iter(FIGURES))
        chart = gr.Plot(quality_figure(judged, first), show_label=False, elem_id="image-quality")
        gr.Plot(curves_figure(list(judged), directory), show_label=False, elem_id="image-curves")
    chosen.input(
        lambda title: quality_figure(judged, title), chosen, chart, api_visibility="private", show_progress="hidden"
    )


def quality_figure(judged: dict[str, dict], title: str) -> go.Figure:
    """One figure of quality against NFE, a line per flow; dashed what training digits score."""
    key = FIGURES[title]
    distance = key == "fd"
    floor = next(iter(judged.values()))["floor"][key]
    unit = floor if distance else 1.0
    chart = _chart()
    for name, figures in judged.items():
        values = [value / unit for value in figures[key]]
        chart.add_scatter(x=figures["nfe"], y=values, name=name, mode="lines+markers")
    chart.add_hline(floor / unit, line={"dash": "dash", "color": GREY})
    ticks = [1, 2, 5, 10, 20, 50, 100]
    chart.update_xaxes(title="NFE (Euler steps)", type="log", tickvals=ticks, gridcolor=GRID)
    return chart.update_yaxes(title=title, type="log" if distance else "linear", gridcolor=GRID, automargin=True)


def curves_figure(names: list[str], directory: Path) -> go.Figure:
    """The running training loss at the end of each epoch."""
    chart = _chart()
    for name in names:
        losses = [entry["loss"] for entry in report.curve(name, directory)]
        chart.add_scatter(x=list(range(1, len(losses) + 1)), y=losses, name=name, mode="lines")
    chart.update_xaxes(title="epoch", gridcolor=GRID)
    return chart.update_yaxes(title="flow matching loss", gridcolor=GRID, automargin=True)


def _chart() -> go.Figure:
    clear = "rgba(0,0,0,0)"
    chart = go.Figure(layout={"template": "none", "paper_bgcolor": clear, "plot_bgcolor": clear})
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return chart.update_layout(font_color=GREY, margin={"l": 56, "r": 12, "t": 12, "b": 56}, legend=legend)
