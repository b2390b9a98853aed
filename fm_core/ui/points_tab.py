"""The tab of 2D points: comparisons, controls, the player and the API endpoint."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from fm_core import playground
from fm_core.maths.flow import Check
from fm_core.playground import Library
from fm_core.settings import PARTICLES, STEPS, Side
from fm_core.ui import exports, menus
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.form import POINTS
from fm_core.ui.player import Player
from fm_core.ui.point_packet import point_packet
from fm_core.ui.presets import COMPARISONS
from fm_core.ui.run_tab import Question, RunTab


def create_points_tab(library: Library) -> None:
    """Build the tab. The library is read-only; all that a person chooses travels in the request."""
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
            note = gr.Markdown(elem_id="points-note")

    def trajectory(**values) -> dict:
        """Run one flow, or two on the same noise, and return the states and the statistics of every step."""
        return encoded(Question(library, POINTS.unflatten(values)))

    def answer(values: dict[str, Any], check: Check) -> Updates:
        return {player: encoded(Question(library, POINTS.unflatten(values), check))}

    def settle(values: dict[str, Any]) -> tuple[dict[str, Any], Updates]:
        sides = POINTS.sides(values).items()
        found = {end: menus.menu(library, values["target"], values["source"], side) for end, side in sides}
        notes = dict.fromkeys(sentence for menu in found.values() for sentence in menu.notes)
        updates: Updates = {note: gr.update(value=" ".join(notes))}
        for end, menu in found.items():
            values = values | {f"{name}{end}": getattr(menu.side, name) for name in menu.choices}
            for name, choices in menu.choices.items():
                updates[controls.made[name + end]] = gr.update(choices=choices, visible=len(choices) > 1)
        return values, updates

    def export(values: dict[str, Any], kind: str) -> dict[str, str]:
        settings = POINTS.unflatten(values)
        return exports.file(kind, settings, lambda: playground.simulate(library, settings))

    tab = RunTab(player, controls, answer, settle, export, [note])
    tab.publish(trajectory, "trajectory", player, inputs_kwargs=controls.by_name, preprocess=False)
    for button, entry in zip(buttons, COMPARISONS, strict=True):
        tab.show_on(button.click, entry.settings)


@lru_cache(maxsize=8)
def encoded(question: Question) -> dict:
    """The packet, at most 11 MB. The settings determine it and every visitor opens on the same, so a few are kept."""
    runs = playground.simulate(question.library, question.settings, question.check)
    question.check()
    return point_packet(question.settings, runs, POINTS.to_query(question.settings))


def _controls(library: Library) -> Controls:
    controls = Controls(POINTS, "points")
    choices = menus.menu(library, POINTS.defaults["target"], POINTS.defaults["source"], Side()).choices

    def fill(suffix: str) -> None:
        of = " of run B" if suffix else ""
        controls.steps(suffix, STEPS)
        controls.heading("Path (schedule)", "schedule", suffix)
        controls.choice(f"schedule{suffix}", f"Schedule{of}", choices["schedule"], "fm-pictures")
        controls.choice(f"coupling{suffix}", f"Pairs{of}", choices["coupling"], visible=len(choices["coupling"]) > 1)
        controls.heading("Solver", "solver", suffix)
        controls.choice(f"solver{suffix}", f"Solver{of}", menus.SOLVER_CHOICES)
        controls.heading("Arrows come from", "velocity", suffix)
        controls.choice(f"velocity{suffix}", f"Velocity{of}", choices["velocity"])

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
