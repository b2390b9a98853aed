"""The controls of a tab with a player, by argument name; their ids begin with the tab's name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from fm_core.maths.flow import SEEDS
from fm_core.settings import IMAGE_STEPS
from fm_core.ui.form import Form
from fm_core.ui.menus import SOLVER_CHOICES, Choices

DIE = Path(__file__).parent / "die.svg"
Updates = dict[Any, Any]  # by component


class Controls:
    """The components made so far for a form, with its defaults; the dice, and the box of side B."""

    dice: gr.Button
    side_b: gr.Accordion

    def __init__(self, form: Form, tab: str):
        self.form, self.tab = form, tab
        self.made: dict[str, Any] = {}

    @property
    def by_name(self) -> dict[str, Any]:
        """The components in the order of the form."""
        return {name: self.made[name] for name in self.form.names if name in self.made}

    def updates(self, values: dict[str, Any]) -> Updates:
        """The updates that show these values."""
        updates: Updates = {control: gr.update(value=values[name]) for name, control in self.made.items()}
        return updates | {self.side_b: gr.update(visible=values["compare"])}

    def slider(self, name: str, label: str, limits: tuple[int, int], step: int = 1) -> None:
        value, elem_id = self.form.defaults[name], f"{self.tab}-{name}"
        self.made[name] = gr.Slider(*limits, value, step=step, label=label, elem_id=elem_id, precision=0)

    def menu(self, name: str, label: str, choices: Choices) -> None:
        """Shows the default if it is one of the choices, else the first."""
        available, default = [choice for _, choice in choices], self.form.defaults[name]
        value = default if default in available else available[0]
        self.made[name] = gr.Dropdown(choices, value=value, label=label, elem_id=f"{self.tab}-{name}", min_width=100)

    def seed(self) -> None:
        """The seed, and the button that draws another."""
        limits: dict[str, Any] = {"minimum": SEEDS[0], "maximum": SEEDS[1], "precision": 0}
        with gr.Row(elem_classes="fm-seed"):
            self.made["seed"] = gr.Number(0, label="Seed", min_width=120, elem_id=f"{self.tab}-seed", **limits)
            self.dice = gr.Button("New noise", icon=DIE, size="sm", min_width=90, elem_id=f"{self.tab}-dice")

    def sides(self, label: str, fill: Callable[[str], None]) -> None:
        """The checkbox to compare, and the boxes of both sides, filled for the suffixes "" and "_b"."""
        self.made["compare"] = gr.Checkbox(False, label=label, elem_id=f"{self.tab}-compare")
        for suffix, title in (("", "Run A"), ("_b", "Run B")):
            classes = f"fm-side fm-side{suffix or '_a'}"
            box = gr.Accordion(title, visible=not suffix, elem_id=f"{self.tab}-side{suffix}", elem_classes=classes)
            with box as self.side_b:
                fill(suffix)

    def image_sides(self, label: str, schedules: list[str]) -> None:
        """The sides of runs of images, with these schedules."""

        def fill(suffix: str) -> None:
            self.slider(f"steps{suffix}", "Steps", IMAGE_STEPS)
            with gr.Row():
                self.menu(f"schedule{suffix}", "Schedule", [(schedule, schedule) for schedule in schedules])
                self.menu(f"solver{suffix}", "Solver", SOLVER_CHOICES)

        self.sides(label, fill)
