"""The tab of trained flows: which there are, their quality against NFE, and their training curves.

The address keeps what its menus show.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from fm_core.checkpoints import DEFAULT_DIRECTORY, CheckpointError
from fm_core.maths.measures import FAR
from fm_core.maths.quality import JUDGED_NFE, NFES, SAMPLES, SEEDS
from fm_core.models.catalogue import IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.points import quality_at
from fm_core.texts import text
from fm_core.training import report
from fm_core.ui.player import module_url
from fm_core.ui.run_tab import HIDDEN
from fm_core.ui.service import Service

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
MOST_FLOWS = 8
GREY, GRID, CLEAR = "#808080", "rgba(128,128,128,0.3)", "rgba(0,0,0,0)"  # readable on light and on dark


def create_catalogue_tab(service: Service, directory: Path = DEFAULT_DIRECTORY) -> None:
    library = service.library
    gr.Markdown(text("ui/texts/models.md"))
    with gr.Accordion("How the figures are measured", open=False):
        gr.Markdown(text("ui/texts/points.md", nfe=JUDGED_NFE, samples=f"{SAMPLES:,}", seeds=len(SEEDS), far=FAR))
    for problem in library.problems.values():
        gr.Markdown(f"**Not usable:** {escape(problem, quote=False)}")
    points, images = (with_figures(library.judged(recipes)) for recipes in (POINT_RECIPES, IMAGE_RECIPES))
    for name in [
        name for name in library.judged({**POINT_RECIPES, **IMAGE_RECIPES}) if name not in {**points, **images}
    ]:
        gr.Markdown(f"**No figures** of {name} can be read: run `python train_all.py --judge --only {name}`.")
    menus = _create_point_chart(points) if points else {}
    rows = {name: library.metadata.get(name) for name in POINT_RECIPES}
    gr.Markdown(report.point_table(rows), elem_id="catalogue")
    if images:
        gr.Markdown(text("ui/texts/images.md"))
        losses, problems = losses_of(list(images), directory)
        for problem in problems:
            gr.Markdown(f"**No curve:** {problem}")
        menus["image_figure"] = menu = _menu(FIGURES, "image-figure")
        with gr.Row():
            figure = gr.Plot(quality_figure(images, menu.value), show_label=False, elem_id="image-quality")
            gr.Plot(curves_figure(losses), show_label=False, elem_id="image-curves")
        menu.change(lambda key: quality_figure(images, key), menu, figure, **HIDDEN)
    _keep_in_address(menus)


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


def _menu(figures: dict[str, str], elem_id: str, **keywords: Any) -> gr.Dropdown:
    choices = [(title, key) for key, title in figures.items()]
    return gr.Dropdown(choices, value=next(iter(figures)), label="Figure against NFE", elem_id=elem_id, **keywords)


def _create_point_chart(metadata: dict[str, dict]) -> dict[str, gr.Dropdown]:
    """A chart of one figure against NFE, with a menu of figures and one of flows, which may be cleared."""
    names = list(metadata)
    with gr.Row():
        menu = _menu(POINT_FIGURES, "point-figure", scale=1)
        chosen = gr.Dropdown(
            names,
            value=names[:4],
            multiselect=True,
            max_choices=MOST_FLOWS,
            label="of the flows",
            elem_id="point-flows",
            scale=2,
        )
    chart = gr.Plot(point_figure(metadata, menu.value, names[:4]), elem_id="quality", show_label=False)

    def drawn(key: str, flows: list[str] | None) -> go.Figure:
        return point_figure(metadata, key, flows or [])

    # Not `input`, which the button that clears the menu does not cause.
    gr.on([menu.change, chosen.change], drawn, [menu, chosen], chart, **HIDDEN)
    return {"figure": menu, "flows": chosen}


def _keep_in_address(menus: dict[str, gr.Dropdown]) -> None:
    """The menus show what the address says, and the address what they show; what is usual is left out."""
    components = list(menus.values())
    entries = [
        {"name": name, "usual": menu.value, "choices": [choice for _, choice in menu.choices], "most": MOST_FLOWS}
        for name, menu in menus.items()
    ]
    module, known = f'import(new URL("{module_url("menus.js")}", document.baseURI))', json.dumps(entries)
    keep = f'(...values) => {{ {module}.then(({{ keep }}) => keep("catalogue", {known}, values)); }}'
    gr.on([menu.change for menu in components], None, components, js=keep, **HIDDEN)
    gr.on(None, None, None, components, js=f'() => {module}.then(({{ kept }}) => kept("catalogue", {known}))', **HIDDEN)


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
