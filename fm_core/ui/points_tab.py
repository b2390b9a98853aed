"""The tab of 2D points: presets, controls, the player and the API endpoint."""

from functools import lru_cache
from typing import Any

import gradio as gr

from fm_core import playground
from fm_core.maths.flow import Check
from fm_core.playground import Library
from fm_core.settings import PARTICLES, STEPS, Side
from fm_core.ui import menus
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.form import POINTS
from fm_core.ui.player import Player
from fm_core.ui.point_packet import point_packet
from fm_core.ui.presets import PRESETS
from fm_core.ui.run_tab import Question, RunTab


def create_points_tab(demo: gr.Blocks, library: Library) -> None:
    """Build the tab in `demo`. The library is read-only; all that a person chooses travels in the request."""
    with gr.Row(elem_classes="fm-presets"):
        gr.Markdown("Compare:")
        presets = [gr.Button(title, size="sm") for title in PRESETS]
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=1, min_width=300, elem_classes="fm-controls"):
            controls = _controls(library)
            note = gr.Markdown(elem_id="points-note")
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player("points", elem_id="points-player")

    def trajectory(**values) -> dict:
        """Run one flow, or two on the same noise, and return the states and the statistics of every step."""
        return encoded(Question(library, POINTS.unflatten(values)))

    def answer(values: dict[str, Any], check: Check) -> Updates:
        return {player: encoded(Question(library, POINTS.unflatten(values), check))}

    def settle(values: dict[str, Any]) -> tuple[dict[str, Any], Updates]:
        sides = POINTS.sides(values).items()
        found = {end: menus.menu(library, values["target"], values["source"], side) for end, side in sides}
        offers = {f"{name}{end}": offer for end, menu in found.items() for name, offer in menu.offers.items()}
        missing = dict.fromkeys(name for menu in found.values() for name in menu.missing)
        updates: Updates = {note: gr.update(value=library.why_missing(list(missing)))}
        updates |= {controls.made[name]: gr.update(value=v, choices=choices) for name, (v, choices) in offers.items()}
        return values | {name: value for name, (value, _) in offers.items()}, updates

    tab = RunTab(demo, player, controls, answer, settle, [note])
    tab.publish(trajectory, "trajectory", player, inputs_kwargs=controls.by_name, preprocess=False)
    for button, settings in zip(presets, PRESETS.values(), strict=True):
        tab.show_on(button.click, settings)


@lru_cache(maxsize=8)
def encoded(question: Question) -> dict:
    """The packet, at most 11 MB. The settings determine it and every visitor opens on the same, so a few are kept."""
    runs = playground.simulate(question.library, question.settings, question.check)
    question.check()
    return point_packet(question.settings, runs, POINTS.to_query(question.settings))


def _controls(library: Library) -> Controls:
    controls = Controls(POINTS, "points")
    with gr.Row():
        controls.menu("target", "Data set", menus.TARGET_CHOICES)
        controls.menu("source", "Source", menus.SOURCE_CHOICES)
    controls.slider("particles", "Particles", PARTICLES, step=100)
    controls.seed()
    offers = menus.menu(library, POINTS.defaults["target"], POINTS.defaults["source"], Side()).offers

    def fill(suffix: str) -> None:
        controls.slider(f"steps{suffix}", "Steps", STEPS)
        with gr.Row():
            controls.menu(f"schedule{suffix}", "Schedule", offers["schedule"][1])
            controls.menu(f"solver{suffix}", "Solver", menus.SOLVER_CHOICES)
        with gr.Row():
            controls.menu(f"velocity{suffix}", "Velocity", offers["velocity"][1])
            controls.menu(f"coupling{suffix}", "Coupling", offers["coupling"][1])

    controls.sides("Compare two runs on the same noise", fill)
    return controls
