"""The tab of trained flows: which there are, their quality against NFE, and their training curves.

The address keeps what its menus show.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.maths.measures import FAR
from fm_core.maths.quality import JUDGED_NFE, SAMPLES, SEEDS
from fm_core.models.catalogue import IMAGE_RECIPES, POINT_RECIPES
from fm_core.texts import text
from fm_core.training import report
from fm_core.ui.charts import (
    FIGURES,
    POINT_FIGURES,
    curves_figure,
    losses_of,
    point_figure,
    quality_figure,
    with_figures,
)
from fm_core.ui.player import module_url
from fm_core.ui.run_tab import HIDDEN
from fm_core.ui.service import Service

MOST_FLOWS = 8


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
