"""The Translate tab: pictures of clothes, bundled or a person's own, translated to digits.

A person's own pictures stay in the browser, as 28×28 pixels in base64, and travel with each request.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from fm_core import playground
from fm_core.images import uploads
from fm_core.maths.flow import Check, always
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.kind import flow_name
from fm_core.playground import Library
from fm_core.refusals import whole
from fm_core.settings import CLOTHES, CLOTHES_SET, TranslateSettings
from fm_core.texts import text
from fm_core.ui import exports
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.explanations import why
from fm_core.ui.form import TRANSLATE
from fm_core.ui.image_packet import image_packet
from fm_core.ui.player import Player
from fm_core.ui.run_tab import HIDDEN, RunTab, in_a_sentence

# On the player's element, `picked` counts the choices of pictures, so that those from the server are dropped if others
# were chosen meanwhile, and `source` says where the pictures in use come from.
PICK = "root.dataset.picked = Number(root.dataset.picked ?? 0) + 1;"


def create_translate_tab(library: Library) -> None:
    """Build the tab. The library is read-only; all that a person chooses travels in the request."""
    schedules, controls = library.image_schedules(CLOTHES_SET.name), Controls(TRANSLATE, "translate")
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player("images", "translate")
        with gr.Column(scale=1, min_width=240, elem_classes="fm-controls"):
            controls.image_sides("Compare two runs", schedules)
            controls.heading("Clothes", "clothes")
            controls.choice("clothes", "Clothes", [(name, name) for name in CLOTHES], "fm-pictures")
            pictures = _own_pictures(controls)
            controls.seed()
    _connect_pictures(_run_tab(library, player, controls, schedules, pictures), pictures)
    with gr.Column(elem_classes="fm-about"):
        noise = IMAGE_RECIPES[flow_name("mnist", "linear", CLOTHES_SET.name)].source_noise
        gr.Markdown(text("ui/texts/translation.md", noise=noise**2))
        _maps(library)


@dataclass(frozen=True)
class OwnPictures:
    """The components for a person's own pictures, and for one of the bundled ones."""

    gallery: gr.Gallery
    files: gr.File
    options: list[Any]  # first, count, invert
    pad: gr.Sketchpad
    in_use: gr.Markdown


def _run_tab(
    library: Library, player: Player, controls: Controls, schedules: list[str], pictures: OwnPictures
) -> RunTab:
    sources = {"pictures": gr.Textbox("", visible=False), "clothes": controls.made["clothes"]}
    sides = {name: control for name, control in controls.by_name.items() if name != "clothes"}
    sheet = gr.Image(visible=False, format="png", image_mode="L")

    def translate(files, first, count, invert, *values) -> tuple:
        """Carry uploaded pictures of clothes to digits along one flow, or along two, with every step's statistics."""
        pixels = _uploaded(files, first, count, invert)
        return _sheet(pixels), _packet(library, pixels, TRANSLATE.unflatten(dict(zip(sides, values, strict=True))))

    def answer(values: dict[str, Any], check: Check) -> Updates:
        return {player: _packet(library, _pixels(values), _settings(values), check)}

    def export(values: dict[str, Any], kind: str) -> dict[str, str]:
        settings, pixels = _settings(values), _pixels(values)
        own = pixels if values["pictures"] else None
        return exports.file(kind, settings, lambda: playground.translate(library, pixels, settings), own)

    tab = RunTab(player, controls, answer, lambda values: controls.among(values, schedules), export, sources=sources)
    uploading = [pictures.files, *pictures.options]
    tab.publish(translate, "translate", [sheet, player], inputs=[*uploading, *sides.values()])
    return tab


def _connect_pictures(tab: RunTab, own: OwnPictures) -> None:
    """No entry of the menu of clothes is chosen while the pictures are a person's own."""
    inputs = [tab.inputs["pictures"], tab.inputs["clothes"], own.in_use]
    menu = f'() => {{ {PICK} root.dataset.source = ""; return ["", ""]; }}'
    tab.set_on(inputs[1].input, [inputs[0], own.in_use], menu)
    ticket, found = gr.JSON(visible=False), gr.JSON(visible=False)
    end = f"""(found, ...others) => found?.number === {tab.root}.dataset.picked
      ? [found.pictures, null, found.in_use] : others"""

    def look_on(events: list[Any], source: str, look: Callable, components: list[Any]) -> None:
        """Use the pictures of this source; "" repeats the one in use with other options."""
        begin = f"""(ticket, ...others) => {{ const root = {tab.root}, field = document.activeElement;
          const unfinished = field?.type === "number" && (field.value === "" || !field.checkValidity());
          const optionless = unfinished || root.dataset.source === "gallery";
          const source = "{source}" || (optionless ? "" : root.dataset.source ?? "");
          if (source) {{ {PICK} root.dataset.source = source; }}
          return [{{ number: root.dataset.picked, source }}, ...others]; }}"""
        how = {"js": begin, "trigger_mode": "multiple", **HIDDEN}
        looked = gr.on(events, in_a_sentence(look), [ticket, *components], found, **how)
        tab.ask_after(looked.success(None, [found, *inputs], inputs, js=end, **HIDDEN))

    look_on([own.gallery.select], "gallery", _of_gallery, [])
    look_on([own.pad.apply], "pad", _drawn, [own.pad, own.options[-1]])
    look_on([own.files.upload], "files", _of_files, [own.files, *own.options])
    look_on([option.input for option in own.options], "", _again, [own.files, *own.options, own.pad])


def _found(ticket: dict, pixels: np.ndarray, in_use: str) -> dict[str, str]:
    pictures = base64.b64encode(pixels.tobytes()).decode()
    return {"number": ticket["number"], "pictures": pictures, "in_use": f"In use: {in_use}."}


def _of_gallery(event: gr.SelectData, ticket: dict) -> dict:
    return _found(ticket, CLOTHES_SET.bundled()[0][event.index].numpy(), "the picture that you picked")


def _drawn(ticket: dict, drawing: dict | None, invert: str) -> dict:
    """The picture drawn or pasted on the pad, or uploaded to it."""
    if not drawing or drawing.get("composite") is None:
        raise uploads.UploadError("The pad is empty: draw something, or paste a picture.")
    return _found(ticket, uploads.from_array(drawing["composite"], invert).numpy(), "your drawing")


def _of_files(ticket: dict, files: Sequence[str] | None, first: float, count: float, invert: str) -> dict:
    if not files:
        return {}
    pixels = _uploaded(files, first, count, invert)
    return _found(ticket, pixels, f"{len(pixels)} picture{'s' * (len(pixels) > 1)} of your files")


def _again(ticket: dict, files, first: float, count: float, invert: str, drawing: dict | None) -> dict:
    """The pictures in use, read once more with other options, if these matter for them."""
    if ticket.get("source") == "files":
        return _of_files(ticket, files, first, count, invert)
    return _drawn(ticket, drawing, invert) if ticket.get("source") == "pad" else {}


def _uploaded(files: Sequence[str] | None, first: float, count: float, invert: str) -> np.ndarray:
    start = whole("the first image", first, (0, 2**31))
    length = whole("the number of images", count, (1, uploads.MAX_IMAGES))
    return uploads.read_files([Path(file) for file in files or []], start, length, invert).numpy()


def _pixels(values: dict[str, Any]) -> np.ndarray:
    """The person's own pictures, or the menu's, uint8 (n, 28, 28). Raises UploadError."""
    if not values["pictures"]:
        return _settings(values).pixels.numpy()
    try:
        pixels = np.frombuffer(base64.b64decode(values["pictures"]), np.uint8).reshape(-1, 28, 28).copy()
    except (ValueError, TypeError):
        raise uploads.UploadError("The pictures are not 28×28 pixels in base64.") from None
    if not 1 <= len(pixels) <= uploads.MAX_IMAGES:
        raise uploads.UploadError(f"These are {len(pixels)} pictures; 1 to {uploads.MAX_IMAGES} are accepted.")
    return pixels


def _settings(values: dict[str, Any]) -> TranslateSettings:
    """The settings; with a person's own pictures the menu of clothes is empty, and its first entry stands in."""
    own = {name: values[name] for name in TRANSLATE.names}
    return TRANSLATE.unflatten(own | {"clothes": own["clothes"] or CLOTHES[0]})


def _packet(library: Library, pixels: np.ndarray, settings: TranslateSettings, check: Check = always) -> dict:
    runs = playground.translate(library, pixels, settings, check)
    return image_packet(runs, settings.seed, TRANSLATE.to_query(settings), pixels)


def _sheet(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(exports.sheet(pixels))


def _own_pictures(controls: Controls) -> OwnPictures:
    pixels, labels = CLOTHES_SET.bundled()
    bundled = [(image.numpy(), CLOTHES_SET.classes[label]) for image, label in zip(pixels, labels, strict=True)]
    in_use = gr.Markdown(elem_id="translate-in-use")
    with gr.Accordion("Your own: choose · drop · paste · draw", open=False, elem_id="translate-upload"):
        controls.heading("Your pictures", "pictures")
        label = "Pictures, or .npy, .npz, IDX"
        files = gr.File(label=label, file_count="multiple", elem_id="translate-files", height=110)
        with gr.Row():
            first = gr.Number(0, label="From image", precision=0, minimum=0, min_width=80, elem_id="translate-first")
            limits: dict[str, Any] = {"precision": 0, "minimum": 1, "maximum": uploads.MAX_IMAGES, "min_width": 80}
            count = gr.Number(10, label="How many", elem_id="translate-count", **limits)
        for number in (first, count):
            number.raise_if_out_of_bounds = _any_number
        invert = gr.Radio(list(uploads.INVERSIONS), value="auto", label="Invert (light on dark is wanted)")
        limit = {"files": uploads.MAX_FILES, "megabytes": uploads.MAX_BYTES // 2**20}
        gr.Markdown(text("ui/texts/uploads.md", **limit), elem_classes="fm-caption")
        pad = gr.Sketchpad(
            show_label=False, layers=False, type="numpy", canvas_size=(280, 280), image_mode="RGBA", height=380,
            elem_id="translate-pad", brush=gr.Brush(default_size=14, colors=["#000000"], color_mode="fixed"),
        )  # fmt: skip
    with gr.Accordion("Pick one of a hundred", open=False):
        gallery = gr.Gallery(
            bundled, columns=5, height=260, show_label=False, allow_preview=False, format="png",
            elem_id="translate-gallery", buttons=[],
        )  # fmt: skip
    return OwnPictures(gallery, files, [first, count, invert], pad, in_use)


def _any_number(num: float, minimum: float | None, maximum: float | None) -> None:
    """The handler refuses what is out of bounds, and names it."""


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
