"""A person's own pictures of clothes in the Translate tab: files, a drawing pad, and a gallery of bundled ones.

They stay in the browser, as 28×28 pixels in base64, and travel with each request.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from fm_core.image_settings import CLOTHES_SET, OWN
from fm_core.images import uploads
from fm_core.images.uploads import Reading, UploadError
from fm_core.refusals import whole
from fm_core.texts import text
from fm_core.ui.controls import Controls
from fm_core.ui.gallery import InlineGallery
from fm_core.ui.in_use import InUse, used
from fm_core.ui.intake import Files, Pad, Whole
from fm_core.ui.run_tab import HIDDEN, RunTab, in_a_sentence
from fm_core.ui.turns import Turns

# On the player's element, `picked` counts the choices of pictures, so that those from the server are dropped if others
# were chosen meanwhile; `source` says where the newest choice comes from, and `used` where the pictures in use do.
PICK = "root.dataset.picked = Number(root.dataset.picked ?? 0) + 1;"
FIRST, COUNT = (0, 2**31 - 1), (1, uploads.MAX_IMAGES)
DECODERS = 3  # at once, each a process with up to 768 MB
READING: dict[str, Any] = {"concurrency_limit": 128, "concurrency_id": "pictures"}  # which wait for their turn


@dataclass(frozen=True)
class OwnPictures:
    """The components for a person's own pictures, and for one of the bundled ones."""

    gallery: gr.Gallery
    files: Files
    options: dict[str, Any]  # first, count, invert
    pad: Pad
    in_use: InUse


def create_own_pictures(controls: Controls) -> OwnPictures:
    pixels, labels = CLOTHES_SET.bundled()
    bundled = [(image.numpy(), CLOTHES_SET.classes[label]) for image, label in zip(pixels, labels, strict=True)]
    in_use = InUse("translate-in-use")
    with gr.Accordion("Your own: choose · drop · paste · draw", open=False, elem_id="translate-upload"):
        controls.heading("Your pictures", "pictures")
        label = "Pictures, or .npy, .npz, IDX"
        files = Files(label=label, elem_id="translate-files", height=160)
        with gr.Row():
            look: dict[str, Any] = {"precision": 0, "min_width": 80}
            first = Whole(0, label="From image", minimum=0, maximum=FIRST[1], elem_id="translate-first", **look)
            count = Whole(10, label="How many", minimum=1, maximum=COUNT[1], elem_id="translate-count", **look)
        invert = gr.Radio(list(uploads.INVERSIONS), value="auto", label="Invert (light on dark is wanted)")
        limit = {"files": uploads.MAX_FILES, "megabytes": uploads.MAX_BYTES // 2**20}
        gr.Markdown(text("ui/texts/uploads.md", **limit), elem_classes="fm-caption")
        brush = gr.Brush(default_size=14, colors=["#000000"], color_mode="fixed")
        pad = Pad(show_label=False, canvas_size=(280, 280), height=380, elem_id="translate-pad", brush=brush)
    with gr.Accordion("Pick one of a hundred", open=False):
        look: dict[str, Any] = {"columns": 5, "height": 260, "show_label": False, "allow_preview": False, "buttons": []}
        gallery = InlineGallery(bundled, elem_id="translate-gallery", **look)
    return OwnPictures(gallery, files, {"first": first, "count": count, "invert": invert}, pad, in_use)


def connect_own_pictures(tab: RunTab, own: OwnPictures, turns: Turns) -> None:
    """No entry of the menu of clothes is chosen while the pictures are a person's own."""
    inputs, invert = [tab.inputs["pictures"], tab.inputs["clothes"], own.in_use], own.options["invert"]
    menu = f'() => {{ {PICK} root.dataset.source = root.dataset.used = ""; return ["", null]; }}'
    tab.set_on(inputs[1].input, [inputs[0], own.in_use], menu)
    ticket, found = gr.JSON(visible=False), gr.JSON(visible=False)
    end = f"""(found, ...others) => {{ const root = {tab.root};
      if (!found || found.number !== root.dataset.picked) return others;
      root.dataset.source = root.dataset.used = found.source;
      return [found.pictures, "{OWN}", found.in_use]; }}"""
    failed = f'() => {{ const {{ dataset }} = {tab.root}; dataset.source = dataset.used ?? ""; }}'

    def look_on(listen: Callable, source: str, look: Callable, components: list[Any]) -> None:
        """Use the pictures of this source; "" repeats the one in use with other options."""
        begin = f"""(ticket, ...others) => {{ const root = {tab.root}, field = document.activeElement;
          const unfinished = field?.type === "number" && (field.value === "" || !field.checkValidity());
          const optionless = unfinished || root.dataset.source === "gallery";
          const source = "{source}" || (optionless ? "" : root.dataset.source ?? "");
          if (source) {{ {PICK} root.dataset.source = source; }}
          return [{{ number: root.dataset.picked, source }}, ...others]; }}"""
        how = {"js": begin, "trigger_mode": "multiple", "preprocess": False, **HIDDEN, **READING}
        looked = listen(look, [ticket, *components], found, **how)
        looked.failure(None, js=failed, **HIDDEN)
        tab.ask_after(looked.success(None, [found, *inputs], inputs, js=end, **HIDDEN))

    async def again(request: gr.Request, ticket: dict, files, first, count, invert, drawing) -> dict:
        """The pictures of the ticket's source, if options matter for them."""
        look = in_a_sentence(partial(_looked, own.pad, ticket, files, first, count, invert, drawing))
        return await turns.call(request.session_hash, look)

    reading = [own.files, *own.options.values(), own.pad]
    look_on(own.gallery.select, "gallery", in_a_sentence(_of_gallery), [])
    look_on(own.pad.apply, "pad", again, reading)
    look_on(partial(gr.on, [own.files.upload, own.files.delete]), "files", again, reading)
    look_on(partial(gr.on, [option.input for option in own.options.values()]), "", again, reading)
    turned = own.in_use.other(None, own.in_use, invert, js="(used) => used.other", **HIDDEN)
    look_on(turned.then, "", again, reading)


def _found(ticket: dict, pixels: np.ndarray, in_use: dict) -> dict[str, Any]:
    return {**ticket, "pictures": base64.b64encode(pixels.tobytes()).decode(), "in_use": in_use}


def _of_gallery(event: gr.SelectData, ticket: dict) -> dict:
    pixels = CLOTHES_SET.bundled()[0]
    picked = pixels[whole("the picture", event.index, (0, len(pixels) - 1))]
    return _found(ticket, picked.numpy(), used("In use: the picture that you picked.", 1))


def _looked(pad: Pad, ticket: dict, files, first, count, invert, drawing) -> dict:
    """The pictures of the files or the pad, whichever the ticket names as their source."""
    source = ticket.get("source")
    if source == "pad":
        reading = uploads.look_at_file(pad.content(drawing), invert, "Your drawing")
        return _read(ticket, reading, "your drawing")
    if source != "files" or not files:
        return {}
    try:
        reading = uploaded(files, first, count, invert)
    except UploadError as error:
        way_out = " Files are removed from the list with ×; the others are then used." if len(files) > 1 else ""
        raise UploadError(f"{error}{way_out}") from None
    n = len(reading.pixels)
    return _read(ticket, reading, f"{n} picture{'s' * (n > 1)} of your files")


def _read(ticket: dict, reading: Reading, words: str) -> dict:
    in_use = used(f"In use: {words}.", len(reading.pixels), reading.doubts, reading.other)
    return _found(ticket, reading.pixels.numpy(), in_use)


def uploaded(files: list[dict] | None, first: object, count: object, invert: str) -> Reading:
    start = whole("the first image", first, FIRST)
    length = whole("the number of images", count, COUNT)
    return uploads.look_at_files(Files.paths(files), start, length, invert)
