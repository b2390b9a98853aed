"""The Digits tab: handwritten digits out of noise, one run or two on the same noise."""

from functools import lru_cache
from typing import Any

import gradio as gr

from fm_core import image_playground
from fm_core.image_playground import DigitSettings, ImageLibrary
from fm_core.recipes import STANDARD
from fm_core.requests import SettingsError
from fm_core.ui import image_wire
from fm_core.ui.address import DIGITS
from fm_core.ui.events import LIMITS, QUIET, busy, dice_js, settings_of, when_done
from fm_core.ui.image_controls import seed_controls, side_controls, with_trained
from fm_core.ui.player import Player

PLAYER = "digits-player"


def create_digits_tab(demo: gr.Blocks, library: ImageLibrary) -> None:
    """Build the tab inside `demo`. The library is read only; everything a person chooses travels in the request."""
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=1, min_width=300, elem_classes="fm-controls"):
            controls, dice, side_b = _controls(library)
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player("image", elem_id=PLAYER)

    def digits(**values) -> dict:
        """Carry noise to digits along one flow, or along two from the same noise, with the statistics of every step."""
        return answer(library, values)

    def from_address(request: gr.Request) -> list:
        values = with_trained(DIGITS.flatten(settings_of(DIGITS, request)), library.schedules(STANDARD))
        return [*(gr.update(value=value) for value in values.values()), gr.update(visible=values["compare"])]

    run: dict[str, Any] = {"fn": digits, "inputs_kwargs": controls, "outputs": player, **LIMITS, **QUIET}
    again: dict[str, Any] = {**run, "api_visibility": "private"}
    hidden: dict[str, Any] = {"api_visibility": "private", **QUIET}
    changes = [control.input for control in controls.values()]
    gr.on([*changes, dice.click], None, js=busy(PLAYER), api_visibility="private")
    when_done(PLAYER, gr.on(changes, **run, api_name="digits"))
    controls["compare"].input(lambda shown: gr.update(visible=shown), controls["compare"], side_b, **hidden)
    roll = dice.click(None, outputs=controls["seed"], js=dice_js(image_playground.SEEDS), api_visibility="private")
    when_done(PLAYER, roll.then(**again), failure_of=roll)
    opened = demo.load(from_address, outputs=[*controls.values(), side_b], **hidden)
    when_done(PLAYER, opened.then(**again), failure_of=opened)


def answer(library: ImageLibrary, values: dict) -> dict:
    """The player's value for these arguments; a sentence for the person, as gr.Error, if they cannot be run."""
    try:
        return encoded(library, DIGITS.unflatten(values))
    except SettingsError as error:
        raise gr.Error(str(error), print_exception=False) from None


@lru_cache(maxsize=8)
def encoded(library: ImageLibrary, settings: DigitSettings) -> dict:
    """The run as the player receives it. The settings decide it, so the last few are kept; one takes at most 27 MB."""
    runs = image_playground.generate(library, settings)
    return image_wire.encode(runs, DIGITS.to_query(settings), seed=settings.seed)


def _controls(library: ImageLibrary) -> tuple[dict[str, Any], gr.Button, gr.Accordion]:
    """All controls by argument name in the order of `DIGITS.names`, the dice button, and the box of side B."""
    controls: dict[str, Any] = {}
    defaults = DIGITS.defaults
    controls["images"] = gr.Radio(
        list(image_playground.COUNTS), value=defaults["images"], label="Images", elem_id="digits-images"
    )
    dice = seed_controls(controls, "digits")
    controls["compare"] = gr.Checkbox(False, label="Compare two runs on the same noise", elem_id="digits-compare")
    box_b = side_controls(controls, "digits", library.schedules(STANDARD), defaults)
    return {name: controls[name] for name in DIGITS.names}, dice, box_b
