"""The tab of trained flows: which there are, their quality against NFE, and their training curves."""

from pathlib import Path

import gradio as gr
import plotly.graph_objects as go

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.maths.measures import FAR
from fm_core.maths.quality import JUDGED_NFE, NFES, SAMPLES, SEEDS
from fm_core.models.catalogue import IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.points import quality_at
from fm_core.playground import Library
from fm_core.texts import text
from fm_core.training import report
from fm_core.ui.run_tab import HIDDEN

POINT_FIGURES = {
    "flow-map error, median": "flow_map_error",
    f"share of particles off by more than {FAR}": "far",
    f"{report.W2} / floor": "ratio",
}
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
    gr.Markdown(text("ui/texts/points.md", nfe=JUDGED_NFE, samples=f"{SAMPLES:,}", seeds=len(SEEDS), far=FAR))
    for problem in library.problems.values():
        gr.Markdown(f"**Not usable:** {problem}")
    points, images = library.judged(POINT_RECIPES), library.judged(IMAGE_RECIPES)
    if points:
        _create_point_chart(points)
    gr.Markdown(report.point_table({name: points.get(name) for name in POINT_RECIPES}), elem_id="catalogue")
    if images:
        titles = list(FIGURES)
        gr.Markdown(text("ui/texts/images.md"))
        menu = gr.Dropdown(titles, label="Figure against NFE", elem_id="image-figure")
        with gr.Row():
            figure = gr.Plot(quality_figure(images, titles[0]), show_label=False, elem_id="image-quality")
            gr.Plot(curves_figure(list(images), directory), show_label=False, elem_id="image-curves")
        menu.input(lambda title: quality_figure(images, title), menu, figure, **HIDDEN)


def _create_point_chart(metadata: dict[str, dict]) -> None:
    """A chart of one figure against NFE, with a menu of figures and one of flows, which may be cleared."""
    names, titles = list(metadata), list(POINT_FIGURES)
    with gr.Row():
        menu = gr.Dropdown(titles, value=titles[0], label="Figure against NFE", elem_id="point-figure", scale=1)
        chosen = gr.Dropdown(
            names,
            value=names[:4],
            multiselect=True,
            max_choices=8,
            label="of the flows",
            elem_id="point-flows",
            scale=2,
        )
    chart = gr.Plot(point_figure(metadata, titles[0], names[:4]), elem_id="quality", show_label=False)

    def drawn(title: str, flows: list[str] | None) -> go.Figure:
        return point_figure(metadata, title, flows or [])

    # Not `input`, which the button that clears the menu does not cause.
    gr.on([menu.change, chosen.change], drawn, [menu, chosen], chart, **HIDDEN)


def point_figure(metadata: dict[str, dict], title: str, names: list[str]) -> go.Figure:
    """A figure of quality against NFE, a line per flow; W2 over the floor with ± 1 standard deviation over the seeds.

    The dashed line at 1 is the floor.
    """
    key = POINT_FIGURES[title]
    chart = _chart("NFE (Euler steps)", title).update_xaxes(type="log", tickvals=NFES, range=[-0.1, 2.1])
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
