"""The Digits tab: handwritten digits out of noise, one run or two on the same noise."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from fm_core import playground
from fm_core.image_settings import COUNTS, IMAGE_BUDGET, UNTIL, UNTIL_STRIDE, DigitSettings
from fm_core.library import Library
from fm_core.line import Work
from fm_core.maths.distributions import STANDARD
from fm_core.maths.flow import Check
from fm_core.playground import Run
from fm_core.ui import exports, menus
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.form import DIGITS
from fm_core.ui.image_packet import PARTS, image_packets
from fm_core.ui.player import Player
from fm_core.ui.run_tab import RunTab
from fm_core.ui.service import Service, Values
from fm_core.ui.wire import Later, Packet

DIGITS_ENDPOINT = (
    "Carry noise to digits along one flow, or along two from the same noise, with the statistics of every step."
)


def create_digits_tab(service: Service) -> None:
    """Build the tab. All that a person chooses travels in the request."""
    library = service.library
    schedules, controls = library.image_schedules(STANDARD.name), Controls(DIGITS, "digits")
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player("images", "digits")
        with gr.Column(scale=1, min_width=240, elem_classes="fm-controls"):
            controls.image_sides("Compare two runs", schedules, partial(_more, controls))
            controls.heading("Images", "images")
            controls.choice("images", "Images", [(str(count), count) for count in COUNTS])
            controls.seed()

    def work(values: Values) -> Work:
        return digits_work(library, DIGITS.unflatten(values))

    def export(values: Values, kind: str) -> Work:
        settings = DIGITS.unflatten(values)
        return exports.work(kind, settings, lambda check: _read(library, settings, check))

    def settle(values: Values) -> tuple[Values, Updates]:
        found = {end: menus.digit_menu(schedules, side) for end, side in DIGITS.sides(values).items()}
        return controls.settled(values, found)

    tab = RunTab(service, player, controls, work, settle, export, controls.noted)
    tab.publish("digits", work, DIGITS_ENDPOINT, inputs_kwargs=controls.by_name)


def _more(controls: Controls, suffix: str) -> None:
    controls.menu("velocity", suffix, "Field", menus.DIGIT_FIELDS, explained="digit_velocity")
    controls.menu("window", suffix, "Window of a pixel", menus.WINDOW_CHOICES, seen=False)
    controls.number("until", suffix, "Perfect until t", UNTIL, UNTIL_STRIDE, False)
    with gr.Accordion("More: spacing, noise", open=False, elem_id=f"digits-more{suffix or '_a'}"):
        controls.spacing(suffix)
        controls.noise(suffix)


def digits_work(library: Library, settings: DigitSettings) -> Work:
    """The packets of a run."""

    def compute(check: Check) -> Iterator[Packet | Later]:
        runs = playground.generate(library, settings, check)
        read = partial(playground.read_ends, library, check=check)
        return image_packets(runs, read, settings, DIGITS.to_query(settings))

    return Work(settings, "images", settings.seconds, PARTS, compute, IMAGE_BUDGET.patience)


def _read(library: Library, settings: DigitSettings, check: Check) -> list[Run]:
    return playground.read_ends(library, playground.generate(library, settings, check), check)
