"""The controls of a tab with a player, by argument name; their ids begin with the tab's name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gradio as gr

from fm_core.image_settings import IMAGE_STEPS
from fm_core.maths.flow import SEEDS
from fm_core.settings import NOISE, STRIDE
from fm_core.ui.explanations import why
from fm_core.ui.form import Form
from fm_core.ui.intake import Whole
from fm_core.ui.menus import DRIFT_CHOICES, SOLVER_CHOICES, SPACING_CHOICES, Choices, Menu

Updates = dict[Any, Any]  # by component


class Controls:
    """The components made so far for a form, with its defaults; the dice, and what appears for a second side.

    `menus` has, by argument name, the column of each choice with a heading, and the note beneath it.
    """

    dice: gr.Button
    compared: tuple[gr.Radio, gr.Column]

    def __init__(self, form: Form, tab: str):
        self.form, self.tab = form, tab
        self.made: dict[str, Any] = {}
        self.menus: dict[str, tuple[gr.Column, gr.Markdown]] = {}

    @property
    def by_name(self) -> dict[str, Any]:
        """The components in the order of the form."""
        return {name: self.made[name] for name in self.form.names if name in self.made}

    @property
    def noted(self) -> list[Any]:
        """The columns and notes of all menus."""
        return [part for parts in self.menus.values() for part in parts]

    def updates(self, values: dict[str, Any]) -> Updates:
        """The updates that show these values."""
        updates: Updates = {control: gr.update(value=values[name]) for name, control in self.made.items()}
        return updates | {part: gr.update(visible=values["compare"]) for part in self.compared}

    def heading(self, title: str, explained: str, place: str = "", beside: str = "") -> None:
        """A heading with an explanation on demand; `place` tells equal ones in a tab apart."""
        button = why(explained, f"{self.tab}{place}")
        gr.HTML(f"<h2>{title}</h2>{button}{beside}", elem_classes="fm-heading", apply_default_css=False)

    def slider(self, name: str, label: str, limits: tuple[float, float], step: float = 1) -> None:
        value, elem_id, whole = self.form.defaults[name], f"{self.tab}-{name}", isinstance(step, int)
        options: dict[str, Any] = {"show_label": False, "elem_classes": "fm-slider", "buttons": []}
        options |= {"precision": 0} if whole else {}
        self.made[name] = gr.Slider(*limits, value, step=step, label=label, elem_id=elem_id, **options)

    def steps(self, suffix: str, limits: tuple[int, int]) -> None:
        """The slider of the steps, whose heading has a place for their cost in network evaluations."""
        self.heading("Steps", "steps", suffix, f'<span class="fm-cost" data-side="{suffix}"></span>')
        self.slider(f"steps{suffix}", f"Steps{_of(suffix)}", limits)

    def menu(
        self,
        name: str,
        suffix: str,
        title: str,
        choices: Choices,
        look: str = "fm-buttons",
        seen: bool = True,
        explained: str = "",
    ) -> None:
        """A choice of a side, seen if there is one; see `noted_part`."""
        with self.noted_part(name, suffix, title, seen and len(choices) > 1, explained):
            self.choice(f"{name}{suffix}", f"{title}{_of(suffix)}", choices, look)

    @contextmanager
    def noted_part(self, name: str, suffix: str, title: str, seen: bool = True, explained: str = "") -> Iterator[None]:
        """A column for a control of a side, with its heading, its explanation, and beneath a place for a note on it."""
        with gr.Column(visible=seen) as column:
            self.heading(title, explained or name, suffix)
            yield
            note = gr.Markdown(elem_id=f"{self.tab}-{name}{suffix}-note", elem_classes="fm-note")
        self.menus[f"{name}{suffix}"] = column, note

    def number(self, name: str, suffix: str, title: str, limits: tuple[float, float], step: float, seen: bool) -> None:
        """A slider of a side; see `noted_part`."""
        with self.noted_part(name, suffix, title, seen):
            self.slider(f"{name}{suffix}", f"{title}{_of(suffix)}", limits, step)

    def settled(self, values: dict[str, Any], found: Mapping[str, Menu]) -> tuple[dict[str, Any], Updates]:
        """The values with those of the menus by suffix, and the updates that show their choices and notes."""
        updates: Updates = {}
        for end, menu in found.items():
            values = values | {f"{name}{end}": getattr(menu.side, name) for name in self.form.per_side}
            for name in self.form.per_side:
                updates |= self._offered(name, end, menu)
        return values, updates

    def _offered(self, name: str, end: str, menu: Menu) -> Updates:
        if f"{name}{end}" not in self.menus:
            return {}
        column, place = self.menus[f"{name}{end}"]
        choices, seen = menu.choices.get(name), name not in menu.hidden
        seen &= choices is None or len(choices) > 1
        shown: Updates = {column: gr.update(visible=seen), place: gr.update(value=" ".join(menu.notes.get(name, [])))}
        return shown if choices is None else {self.made[f"{name}{end}"]: gr.update(choices=choices), **shown}

    def note(self, name: str, words: str) -> Updates:
        """The update that shows these words beneath a menu."""
        return {self.menus[name][1]: gr.update(value=words)}

    def spacing(self, suffix: str) -> None:
        self.menu("spacing", suffix, "Spacing of the steps", SPACING_CHOICES)

    def noise(self, suffix: str) -> None:
        """The noise on the way, and whether the drift is corrected for it."""
        self.number("noise", suffix, "Noise on the way", NOISE, STRIDE, True)
        self.menu("drift", suffix, "Drift", DRIFT_CHOICES, seen=False)

    def choice(self, name: str, label: str, choices: Choices, look: str = "fm-buttons") -> None:
        """Buttons, or pictures if `look` says so. Shows the default if it is one of the choices, else the first."""
        available, default = [choice for _, choice in choices], self.form.defaults[name]
        value = default if default in available else available[0]
        options: dict[str, Any] = {"show_label": False, "elem_classes": ["fm-choice", look]}
        elem_id = f"{self.tab}-{name}"
        self.made[name] = gr.Radio(choices, value=value, label=label, elem_id=elem_id, **options)

    def seed(self) -> None:
        """The seed, and the button that draws another."""
        limits: dict[str, Any] = {"minimum": SEEDS[0], "maximum": SEEDS[1], "precision": 0, "buttons": []}
        self.heading("Seed of the noise", "seed")
        with gr.Row(elem_classes="fm-seed"):
            elem_id = f"{self.tab}-seed"
            self.made["seed"] = Whole(0, label="Seed", show_label=False, min_width=80, elem_id=elem_id, **limits)
            of_dice: dict[str, Any] = {"size": "sm", "min_width": 90, "elem_classes": "fm-dice"}
            self.dice = gr.Button("New noise", elem_id=f"{self.tab}-dice", **of_dice)

    def sides(self, label: str, fill: Callable[[str], None]) -> None:
        """The checkbox to compare, and the controls of both sides, filled for the suffixes "" and "_b".

        Of two sides the controls of one are seen, which the switch between them chooses (page.css).
        """
        self.made["compare"] = gr.Checkbox(False, label=label, elem_id=f"{self.tab}-compare", container=False)
        names, elem_id = ["Run A", "Run B"], f"{self.tab}-editing"
        look: dict[str, Any] = {"show_label": False, "elem_classes": ["fm-choice", "fm-buttons", "fm-editing"]}
        look |= {"interactive": True, "visible": False}  # which a menu without events is not by itself
        switch = gr.Radio(names, value=names[0], label="Controls of", elem_id=elem_id, **look)
        for suffix in ("", "_b"):
            classes = ["fm-side", f"fm-side{suffix or '_a'}"]
            with gr.Column(visible=not suffix, elem_id=f"{self.tab}-side{suffix}", elem_classes=classes) as box:
                fill(suffix)
            self.compared = (switch, box)

    def image_sides(self, label: str, schedules: list[str], more: Callable[[str], None]) -> None:
        """The sides of runs of images, with these schedules, and more controls."""

        def fill(suffix: str) -> None:
            self.steps(suffix, IMAGE_STEPS)
            choices = [(schedule, schedule) for schedule in schedules]
            self.menu("schedule", suffix, "Path (schedule)", choices, "fm-pictures", explained="image_schedule")
            self.menu("solver", suffix, "Solver", SOLVER_CHOICES)
            more(suffix)

        self.sides(label, fill)


def _of(suffix: str) -> str:
    return " of run B" if suffix else ""
