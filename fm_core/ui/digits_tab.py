"""The Digits tab: handwritten digits out of noise, one run or two on the same noise."""

from functools import lru_cache
from typing import Any

import gradio as gr

from fm_core import playground
from fm_core.maths.distributions import STANDARD
from fm_core.maths.flow import Check
from fm_core.playground import Library
from fm_core.settings import COUNTS
from fm_core.ui import exports
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.form import DIGITS
from fm_core.ui.image_packet import image_packet
from fm_core.ui.player import Player
from fm_core.ui.run_tab import Question, RunTab


def create_digits_tab(library: Library) -> None:
    """Build the tab. The library is read-only; all that a person chooses travels in the request."""
    schedules, controls = library.image_schedules(STANDARD.name), Controls(DIGITS, "digits")
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player("images", "digits")
        with gr.Column(scale=1, min_width=240, elem_classes="fm-controls"):
            controls.image_sides("Compare two runs", schedules)
            controls.heading("Images", "images")
            controls.choice("images", "Images", [(str(count), count) for count in COUNTS])
            controls.seed()

    def digits(**values) -> dict:
        """Carry noise to digits along one flow, or along two from the same noise, with the statistics of every step."""
        return encoded(Question(library, DIGITS.unflatten(values)))

    def answer(values: dict[str, Any], check: Check) -> Updates:
        return {player: encoded(Question(library, DIGITS.unflatten(values), check))}

    def export(values: dict[str, Any], kind: str) -> dict[str, str]:
        settings = DIGITS.unflatten(values)
        return exports.file(kind, settings, lambda: playground.generate(library, settings))

    tab = RunTab(player, controls, answer, lambda values: controls.among(values, schedules), export)
    tab.publish(digits, "digits", player, inputs_kwargs=controls.by_name, preprocess=False)


@lru_cache(maxsize=8)
def encoded(question: Question) -> dict:
    """The packet, which the settings determine, so the last few are kept, at most 27 MB each."""
    runs = playground.generate(question.library, question.settings, question.check)
    return image_packet(runs, question.settings.seed, DIGITS.to_query(question.settings))
