"""The tab of trained flows: which there are, their quality against NFE, and their training curves."""

from pathlib import Path

import gradio as gr
import plotly.graph_objects as go

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.maths.quality import JUDGED_NFE, NFES
from fm_core.models.catalogue import IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.points import quality_at
from fm_core.playground import Library
from fm_core.texts import text
from fm_core.training import report
from fm_core.ui.run_tab import HIDDEN

HEADERS = ["flow", f"W2 at NFE {JUDGED_NFE}", "floor", "ratio", "variance error", "iterations", "seconds"]
FIGURES = {
    "Fréchet distance / floor": "fd",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "confidence of the classifier": "confidence",
    "evenness of the classes": "evenness",
}
GREY, GRID, CLEAR = "#808080", "rgba(128,128,128,0.3)", "rgba(0,0,0,0)"  # readable on light and on dark


def create_catalogue_tab(library: Library, directory: Path = DEFAULT_DIRECTORY) -> None:
    gr.Markdown(text("ui/texts/points.md"))
    for problem in library.problems.values():
        gr.Markdown(f"**Not usable:** {problem}")
    points, images = library.judged(POINT_RECIPES), library.judged(IMAGE_RECIPES)
    if points:
        names = list(points)
        chosen = gr.Dropdown(names, value=names[:4], multiselect=True, max_choices=8, label="Distance against NFE for")
        chart = gr.Plot(distance_figure(points, names[:4]), elem_id="quality", show_label=False)
        chosen.input(lambda choice: distance_figure(points, choice), chosen, chart, **HIDDEN)
    gr.Markdown(table(points), elem_id="catalogue")
    if images:
        titles = list(FIGURES)
        gr.Markdown(text("ui/texts/images.md"))
        menu = gr.Dropdown(titles, label="Figure against NFE", elem_id="image-figure")
        with gr.Row():
            figure = gr.Plot(quality_figure(images, titles[0]), show_label=False, elem_id="image-quality")
            gr.Plot(curves_figure(list(images), directory), show_label=False, elem_id="image-curves")
        menu.input(lambda title: quality_figure(images, title), menu, figure, **HIDDEN)


def table(metadata: dict[str, dict]) -> str:
    """A Markdown table with a row for each flow of points in the catalogue."""
    rows = [HEADERS, ["---"] * len(HEADERS), *(_row(name, metadata.get(name)) for name in POINT_RECIPES)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, metadata: dict | None) -> list[str]:
    if metadata is None:
        return [name, "not usable", *[""] * (len(HEADERS) - 2)]
    w2, floor, error = quality_at(metadata["quality"], JUDGED_NFE)
    figures = [f"{w2:.4f}", f"{floor:.4f}", f"{w2 / floor:.2f}", f"{error:.2%}"]
    return [name, *figures, f"{metadata['iterations']:,}", f"{metadata['training_seconds']:.0f}"]


def distance_figure(metadata: dict[str, dict], names: list[str]) -> go.Figure:
    """W2 over its floor against NFE, log-log, a line per flow; the dashed line at 1 is the floor."""
    chart = _chart("NFE (Euler steps)", "W2 / floor")
    for name in names:
        quality = metadata[name]["quality"]
        ratio = [w2 / quality["floor"] for w2 in quality["w2"]]
        chart.add_scatter(x=quality["nfe"], y=ratio, name=name, mode="lines+markers")
    chart.add_hline(1, line={"dash": "dash", "color": GREY})
    return chart.update_xaxes(type="log", tickvals=NFES).update_yaxes(type="log", tickvals=NFES)


def quality_figure(metadata: dict[str, dict], title: str) -> go.Figure:
    """A figure of quality against NFE, a line per flow; dashed: the score of training digits."""
    key = FIGURES[title]
    floor = next(iter(metadata.values()))["quality"]["floor"][key]
    unit = floor if key == "fd" else 1.0
    chart = _chart("NFE (Euler steps)", title)
    for name, data in metadata.items():
        figures = data["quality"]
        chart.add_scatter(x=figures["nfe"], y=[value / unit for value in figures[key]], name=name, mode="lines+markers")
    chart.add_hline(floor / unit, line={"dash": "dash", "color": GREY})
    return chart.update_xaxes(type="log", tickvals=NFES).update_yaxes(type="log" if key == "fd" else "linear")


def curves_figure(names: list[str], directory: Path) -> go.Figure:
    """The running training loss at the end of each epoch, a line per flow."""
    chart = _chart("epoch", "flow matching loss")
    for name in names:
        losses = [entry["loss"] for entry in report.curve(name, directory)]
        chart.add_scatter(x=list(range(1, len(losses) + 1)), y=losses, name=name, mode="lines")
    return chart


def _chart(x: str, y: str) -> go.Figure:
    chart = go.Figure(layout={"template": "none", "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "font_color": GREY})
    chart.update_xaxes(title=x, gridcolor=GRID).update_yaxes(title=y, gridcolor=GRID, automargin=True)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return chart.update_layout(margin={"l": 56, "r": 12, "t": 12, "b": 56}, legend=legend)
