"""The Translate tab: pictures of clothes, bundled or a person's own, translated to digits."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import gradio as gr
import numpy as np
import torch
from torch import Tensor

from fm_core import playground
from fm_core.image_settings import CLOTHES, CLOTHES_SET, IMAGE_BUDGET, OWN, TranslateSettings
from fm_core.images import uploads
from fm_core.library import Library
from fm_core.line import Work
from fm_core.maths.flow import Check
from fm_core.playground import Run
from fm_core.texts import text
from fm_core.ui import exports, menus
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.explanations import noise_shares, why
from fm_core.ui.form import TRANSLATE
from fm_core.ui.image_packet import PARTS, image_packets
from fm_core.ui.own_pictures import DECODERS, OwnPictures, connect_own_pictures, create_own_pictures, uploaded
from fm_core.ui.player import Player
from fm_core.ui.run_tab import PROGRAMS, RunTab, describe, in_a_sentence, packet_of
from fm_core.ui.service import Service, Values
from fm_core.ui.turns import Turns
from fm_core.ui.wire import Later, Packet

TRANSLATE_ENDPOINT = """Carry uploaded pictures of clothes to digits along one flow, or along two.

The answer has the pictures as the networks see them, the run with every step's statistics, and a sentence for each
doubtful picture."""
FILES_ACCEPTED = {
    "files": f"a list of uploaded files, together at most {uploads.MAX_IMAGES} images; addresses are not fetched",
    "first": "of files with many images, the first one taken, from 0",
    "count": f"of files with many images, how many are taken, from 1 to {uploads.MAX_IMAGES}",
    "invert": f"one of {', '.join(uploads.INVERSIONS)}: whether dark on light becomes light on dark",
}


def create_translate_tab(service: Service) -> None:
    """Build the tab. All that a person chooses travels in the request."""
    library = service.library
    schedules, controls = library.image_schedules(CLOTHES_SET.name), Controls(TRANSLATE, "translate")
    turns = Turns(DECODERS)
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player("images", "translate", label="run", show_label=False)
        with gr.Column(scale=1, min_width=240, elem_classes="fm-controls"):
            controls.image_sides("Compare two runs", schedules, partial(_more, controls))
            controls.heading("Clothes", "clothes")
            controls.choice("clothes", "Clothes", [(name, name) for name in CLOTHES], "fm-pictures")
            pictures = create_own_pictures(controls)
            controls.menu("draws", "", "Noise for each", menus.DRAW_CHOICES)
            controls.seed()
    connect_own_pictures(_run_tab(service, player, controls, schedules, pictures), pictures, turns)
    _publish(service, player, controls, pictures, turns)
    with gr.Column(elem_classes="fm-about"):
        gr.Markdown(text("ui/texts/translation.md", **noise_shares()))
        _maps(library)


def _run_tab(
    service: Service, player: Player, controls: Controls, schedules: list[str], pictures: OwnPictures
) -> RunTab:
    sources = {"pictures": gr.Textbox("", visible=False), "clothes": controls.made["clothes"]}

    def work(values: Values) -> Work:
        return translate_work(service.library, _pixels(values), _settings(values))

    def settle(values: Values) -> tuple[Values, Updates]:
        sides = TRANSLATE.sides(values)
        found = {end: menus.translation_menu(service.library, schedules, side) for end, side in sides.items()}
        settled, updates = controls.settled(values, found)
        updates |= controls.note("draws", _settings(values).left_out(_count(values)))
        return settled, updates if settled["clothes"] == OWN else updates | {pictures.in_use: gr.update(value=None)}

    def export(values: Values, kind: str) -> Work:
        settings, pixels = _settings(values), _pixels(values)
        own = pixels if settings.clothes == OWN else None
        made = exports.work(kind, settings, lambda check: _read_runs(service.library, pixels, settings, check), own)
        return replace(made, seconds=_expected(pixels, settings))

    return RunTab(service, player, controls, work, settle, export, [pictures.in_use, *controls.noted], sources)


def _more(controls: Controls, suffix: str) -> None:
    controls.menu("training", suffix, "Training", menus.TRAINING_CHOICES, "fm-words")
    with gr.Accordion("More: spacing", open=False, elem_id=f"translate-more{suffix or '_a'}"):
        controls.spacing(suffix)
        gr.Markdown(f"{menus.NEEDS_NOISE}, so there is none here.", elem_classes="fm-note")


def translate_work(library: Library, pixels: np.ndarray, settings: TranslateSettings) -> Work:
    """The packets of the run that translates pictures, uint8 (n, 28, 28). Raises SettingsError for too much work."""

    def compute(check: Check) -> Iterator[Packet | Later]:
        runs = playground.translate(library, pixels, settings, check)
        read = partial(playground.read_ends, library, check=check)
        return image_packets(runs, read, settings, TRANSLATE.to_query(settings), pixels)

    return Work(
        (settings, pixels.tobytes()),
        "images",
        _expected(pixels, settings),
        PARTS,
        compute,
        IMAGE_BUDGET.patience,
    )


def _expected(pixels: np.ndarray, settings: TranslateSettings) -> float:
    """About how many seconds the run takes. Raises SettingsError for too much work."""
    IMAGE_BUDGET.check(len(pixels), settings.sides)
    return IMAGE_BUDGET.expected(len(pixels), settings.sides)


def _read_runs(library: Library, pixels: np.ndarray, settings: TranslateSettings, check: Check) -> list[Run]:
    return playground.read_ends(library, playground.translate(library, pixels, settings, check), check)


def _publish(service: Service, player: Player, controls: Controls, own: OwnPictures, turns: Turns) -> None:
    """Offer the translation of files to other programs; the page does not call it."""
    sides = {name: control for name, control in controls.by_name.items() if name != "clothes"}
    sheet = gr.Image(visible=False, format="png", image_mode="L", label="pictures")
    doubts = gr.JSON(visible=False, label="doubts")

    async def translate(request: gr.Request, files: list[dict], first: int, count: int, invert: str, **values) -> tuple:
        read = in_a_sentence(uploaded)
        reading = await turns.call(request.session_hash, read, files, first, count, invert)
        run = partial(in_a_sentence(_translated), service, reading.pixels, values, request)
        packet, left_out = await anyio.to_thread.run_sync(run)
        return _sheet(reading.pixels.numpy()), packet, [*reading.doubts, *left_out]

    named = {"files": own.files, **own.options, **sides}
    accepted = FILES_ACCEPTED | {name: TRANSLATE.accepted(name) for name in sides}
    describe(translate, TRANSLATE_ENDPOINT, {name: accepted[name] for name in named})
    how: dict[str, Any] = {"api_name": "translate", "inputs_kwargs": named, "preprocess": False, **PROGRAMS}
    player.api(translate, outputs=[sheet, player, doubts], **how)


def _translated(service: Service, pixels: Tensor, values: Values, request: gr.Request) -> tuple[dict, list[str]]:
    """The run's packet, and a sentence if not all pictures are in it."""
    settings = TRANSLATE.unflatten(values | {"clothes": OWN})
    work = translate_work(service.library, settings.drawn(pixels).numpy(), settings)
    return packet_of(service, work, request), [words for words in [settings.left_out(len(pixels))] if words]


def _pixels(values: Values) -> np.ndarray:
    """The menu's pictures, or the person's own, uint8 (n, 28, 28). Raises a Refusal."""
    settings, sent = _settings(values), values["pictures"]
    if settings.clothes != OWN or not sent:
        return settings.pixels.numpy()
    if not isinstance(sent, str) or len(sent) > 4 / 3 * 784 * uploads.MAX_IMAGES + 4:
        raise uploads.UploadError(f"The pictures are not 1 to {uploads.MAX_IMAGES} of 28×28 pixels in base64.")
    try:
        pixels = torch.frombuffer(bytearray(base64.b64decode(sent, validate=True)), dtype=torch.uint8).view(-1, 28, 28)
    except (ValueError, RuntimeError):
        raise uploads.UploadError("The pictures are not 28×28 pixels in base64.") from None
    return settings.drawn(pixels).numpy()


def _count(values: Values) -> int:
    """How many pictures there are to translate. An address has none of a person's own."""
    own = str(values.get("pictures", ""))
    return len(own) * 3 // 4 // 784 if values["clothes"] == OWN else 10


def _settings(values: Values) -> TranslateSettings:
    return TRANSLATE.unflatten({name: values[name] for name in TRANSLATE.names})


def _sheet(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(exports.sheet(pixels))


def _maps(library: Library) -> None:
    maps = {name: data["quality"]["map"] for name, data in library.metadata.items() if "map" in data.get("quality", {})}
    if maps:
        with gr.Accordion("Which clothes become which digits", open=True, elem_id="translate-maps"):
            tables = "".join(map_table(name, counts) for name, counts in maps.items())
            gr.HTML(f"{why('map', 'translate')}<div>{tables}</div>", apply_default_css=False)


def map_table(name: str, counts: list[list[int]]) -> str:
    """How many test images of each class of clothes (rows) become each digit (columns), darker for more, as HTML."""
    most = max(map(max, counts))
    heads = "".join(f'<th scope="col">{digit}</th>' for digit in range(10))
    rows = [f"<tr><td></td>{heads}</tr>"]
    for clothes, row in zip(CLOTHES_SET.classes, counts, strict=True):
        cells = "".join(f'<td style="--fm-share: {count / most:.2f}">{count}</td>' for count in row)
        rows.append(f'<tr><th scope="row">{clothes}</th>{cells}</tr>')
    caption = f"<caption>{name}: digits read in 10,000 test images after 50 Euler steps</caption>"
    return f'<table class="fm-map">{caption}{"".join(rows)}</table>'
