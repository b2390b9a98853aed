"""The tab of 2D points: comparisons, controls, the player and the API endpoint."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

import gradio as gr

from fm_core import playground
from fm_core.library import Library
from fm_core.line import Work
from fm_core.maths.flow import Check
from fm_core.settings import PARTICLES, POINT_BUDGET, STEPS, Settings, Side
from fm_core.ui import exports, menus
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.form import POINTS
from fm_core.ui.player import Player
from fm_core.ui.point_packet import point_packets
from fm_core.ui.presets import COMPARISONS
from fm_core.ui.run_tab import RunTab
from fm_core.ui.service import Service, Values
from fm_core.ui.wire import Later, Packet

TRAJECTORY = "Run one flow, or two on the same noise, and return the states and the statistics of every step."


def create_points_tab(service: Service) -> None:
    """Build the tab. All that a person chooses travels in the request."""
    library = service.library
    with gr.Row(elem_classes="fm-comparisons"):
        buttons = [
            gr.Button(entry.title, size="sm", elem_id=f"points-compare-{k}") for k, entry in enumerate(COMPARISONS)
        ]
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            known = [(urlencode(POINTS.to_query(entry.settings)), entry.watch) for entry in COMPARISONS]
            player = Player("points", "points", comparisons=known)
        with gr.Column(scale=1, min_width=240, elem_classes="fm-controls"):
            controls = _controls(library)

    def work(values: Values) -> Work:
        return points_work(library, POINTS.unflatten(values))

    def settle(values: Values) -> tuple[Values, Updates]:
        sides = POINTS.sides(values).items()
        found = {end: menus.menu(library, values["target"], values["source"], side) for end, side in sides}
        return controls.settled(values, found)

    def export(values: Values, kind: str) -> Work:
        settings = POINTS.unflatten(values)
        return exports.work(kind, settings, lambda check: playground.simulate(library, settings, check))

    tab = RunTab(service, player, controls, work, settle, export, controls.noted)
    tab.publish("trajectory", work, TRAJECTORY, inputs_kwargs=controls.by_name)
    for button, entry in zip(buttons, COMPARISONS, strict=True):
        tab.show_on(button.click, entry.settings)


def points_work(library: Library, settings: Settings) -> Work:
    """The packets of a run."""

    def compute(check: Check) -> Iterator[Packet | Later]:
        runs = playground.simulate(library, settings, check)
        check()
        refer = partial(playground.add_references, library, settings, check=check)
        return point_packets(settings, runs, refer, POINTS.to_query(settings))

    return Work(settings, "points", settings.seconds, 3, compute, POINT_BUDGET.patience)


def _controls(library: Library) -> Controls:
    controls = Controls(POINTS, "points")
    choices = menus.menu(library, POINTS.defaults["target"], POINTS.defaults["source"], Side()).choices

    def fill(suffix: str) -> None:
        controls.steps(suffix, STEPS)
        controls.menu("schedule", suffix, "Path (schedule)", choices["schedule"], "fm-pictures")
        controls.menu("coupling", suffix, "Pairs in training", choices["coupling"])
        controls.menu("solver", suffix, "Solver", menus.SOLVER_CHOICES)
        controls.menu("velocity", suffix, "Field", choices["velocity"])
        with gr.Accordion("More: spacing, noise", open=False, elem_id=f"points-more{suffix or '_a'}"):
            controls.spacing(suffix)
            controls.noise(suffix)

    controls.sides("Compare two runs", fill)
    controls.heading("Data", "target")
    controls.choice("target", "Data set", menus.TARGET_CHOICES, "fm-pictures")
    controls.heading("Start from", "source")
    controls.choice("source", "Source", menus.SOURCE_CHOICES)
    with gr.Accordion("More: particles, seed", open=False, elem_id="points-more"):
        controls.heading("Particles", "particles")
        controls.slider("particles", "Particles", PARTICLES, step=100)
        controls.seed()
    return controls
