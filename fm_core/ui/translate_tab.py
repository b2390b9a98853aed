"""The Translate tab: pictures of clothes, bundled or a person's own, translated to digits.

A person's own pictures stay in the browser, as 28×28 pixels in base64, and travel with each request.
"""

import base64
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

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
from fm_core.ui.form import TRANSLATE
from fm_core.ui.image_packet import image_packet
from fm_core.ui.menus import trained
from fm_core.ui.player import Player
from fm_core.ui.run_tab import HIDDEN, LIMITS, RunTab, in_a_sentence

# A picture pasted while the upload is visible replaces its files.
PASTE = """() => document.addEventListener("paste", (event) => {
  const box = document.querySelector("#translate-files");
  const files = event.clipboardData?.files;
  if (!files?.length || !box?.checkVisibility()) return;
  event.preventDefault();
  box.querySelector("[aria-label=Clear]")?.click();
  const give = (tries) => {
    const input = box.querySelector("input[type=file]");
    if (!input) return tries && setTimeout(give, 100, tries - 1);
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  setTimeout(give, 100, 30);
})"""

# `picked` counts the choices of pictures, so that those from the server are dropped if others were chosen meanwhile.
PICK = "root.dataset.picked = Number(root.dataset.picked ?? 0) + 1;"


def create_translate_tab(demo: gr.Blocks, library: Library) -> None:
    """Build the tab in `demo`. The library is read-only; all that a person chooses travels in the request."""
    schedules, controls = library.image_schedules(CLOTHES_SET.name), Controls(TRANSLATE, "translate")
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=1, min_width=300, elem_classes="fm-controls"):
            controls.made["clothes"] = gr.Dropdown(list(CLOTHES), label="Clothes", elem_id="translate-clothes")
            gallery, pad, uploading = _sources()
            controls.seed()
            controls.image_sides("Compare two runs of the same clothes", schedules)
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            tab = _run_tab(demo, library, controls, schedules, uploading)
            _connect_pictures(tab, gallery, pad, uploading)
            _saving(library, tab.inputs)
            noise = IMAGE_RECIPES[flow_name("mnist", "linear", CLOTHES_SET.name)].source_noise
            gr.Markdown(text("ui/texts/translation.md", noise=noise**2))
            _maps(library)
    demo.load(None, js=PASTE, **HIDDEN)


def _run_tab(
    demo: gr.Blocks, library: Library, controls: Controls, schedules: list[str], uploading: list[Any]
) -> RunTab:
    gr.Markdown("What the network sees, before noise", elem_classes="fm-caption")
    seen = gr.Image(
        _sheet(TranslateSettings().pixels.numpy()), show_label=False, format="png", image_mode="L",
        interactive=False, elem_id="translate-seen", buttons=[],
    )  # fmt: skip
    player = Player("images", elem_id="translate-player")
    sources = {"pictures": gr.Textbox("", visible=False), "clothes": controls.made["clothes"]}
    sides = {name: control for name, control in controls.by_name.items() if name != "clothes"}

    def translate(files, first, count, invert, *values) -> tuple:
        """Carry uploaded pictures of clothes to digits along one flow, or along two, with every step's statistics."""
        pixels = _uploaded(files, first, count, invert)
        return _sheet(pixels), _packet(library, pixels, TRANSLATE.unflatten(dict(zip(sides, values, strict=True))))

    def answer(values: dict[str, Any], check: Check) -> Updates:
        pixels = _pixels(values)
        return {player: _packet(library, pixels, _settings(values), check), seen: _sheet(pixels)}

    own = {"sources": sources, "direct": [seen]}
    tab = RunTab(demo, player, controls, answer, lambda values: (trained(values, schedules), {}), **own)
    tab.publish(translate, "translate", [seen, player], inputs=[*uploading, *sides.values()])
    return tab


def _saving(library: Library, inputs: dict[str, Any]) -> None:
    """A button for each kind of file, and the saved file."""
    with gr.Row(elem_classes="fm-presets"):
        gr.Markdown("Save:")
        buttons = [gr.Button(kind.upper(), size="sm", elem_id=f"translate-save-{kind}") for kind in exports.WRITERS]
    saved = gr.File(label="Saved", interactive=False, visible=False, elem_id="translate-saved", height=70)

    def save(kind: str, *given) -> dict:
        values = dict(zip(inputs, given, strict=True))
        runs = playground.translate(library, _pixels(values), _settings(values))
        return gr.update(value=exports.save(runs, kind, Path(saved.GRADIO_CACHE)), visible=True)

    for kind, button in zip(exports.WRITERS, buttons, strict=True):
        write = in_a_sentence(partial(save, kind))
        button.click(write, list(inputs.values()), saved, preprocess=False, **HIDDEN, **LIMITS)


def _connect_pictures(tab: RunTab, gallery: gr.Gallery, pad: gr.Sketchpad, uploading: list[Any]) -> None:
    """The menu of clothes is empty while the pictures are not one of its entries."""
    pictures, clothes = both = [tab.inputs["pictures"], tab.inputs["clothes"]]
    tab.set_on(clothes.input, pictures, f'() => {{ {PICK} return ""; }}')
    number, found = gr.Textbox(visible=False), gr.JSON(visible=False)
    begin = f"(number, ...others) => {{ const root = {tab.root}; {PICK} return [root.dataset.picked, ...others]; }}"
    end = f"(found, ...both) => found.number === {tab.root}.dataset.picked ? [found.pictures, null] : both"
    files, *options = uploading
    for look, inputs, events in (
        (_of_gallery, [number], [gallery.select]),
        (_drawn, [number, pad, options[-1]], [pad.apply]),
        (_of_files, [number, *uploading], [files.upload, *(option.input for option in options)]),
    ):
        looked = gr.on(events, in_a_sentence(look), inputs, found, js=begin, trigger_mode="multiple", **HIDDEN)
        tab.ask_after(looked.success(None, [found, *both], both, js=end, **HIDDEN))


def _found(number: str, pixels: np.ndarray) -> dict[str, str]:
    return {"number": number, "pictures": base64.b64encode(pixels.tobytes()).decode()}


def _of_gallery(event: gr.SelectData, number: str) -> dict:
    return _found(number, CLOTHES_SET.bundled()[0][event.index].numpy())


def _drawn(number: str, drawing: dict | None, invert: str) -> dict:
    """The picture drawn or pasted on the pad, or uploaded to it."""
    if not drawing or drawing.get("composite") is None:
        raise uploads.UploadError("The pad is empty: draw something, or paste a picture.")
    return _found(number, uploads.from_array(drawing["composite"], invert).numpy())


def _of_files(number: str, files: Sequence[str] | None, first: float, count: float, invert: str) -> dict:
    return _found(number, _uploaded(files, first, count, invert)) if files else {}


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
    return image_packet(runs, settings.seed, TRANSLATE.to_query(settings))


def _sheet(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(exports.sheet(pixels))


def _sources() -> tuple[gr.Gallery, gr.Sketchpad, list[Any]]:
    """The gallery, the pad, and the upload with its options."""
    pixels, labels = CLOTHES_SET.bundled()
    bundled = [(image.numpy(), CLOTHES_SET.classes[label]) for image, label in zip(pixels, labels, strict=True)]
    with gr.Accordion("Pick one", open=False):
        gallery = gr.Gallery(
            bundled, columns=5, height=260, show_label=False, allow_preview=False, format="png",
            elem_id="translate-gallery", buttons=[],
        )  # fmt: skip
    with gr.Accordion("Upload, paste or draw", open=False, elem_id="translate-upload"):
        label = "Pictures, or .npy, .npz, IDX"
        files = gr.File(label=label, file_count="multiple", elem_id="translate-files", height=150)
        with gr.Row():
            first = gr.Number(0, label="From image", precision=0, min_width=80, elem_id="translate-first")
            count = gr.Number(10, label="How many", precision=0, min_width=80)
        invert = gr.Radio(list(uploads.INVERSIONS), value="auto", label="Invert (light on dark is wanted)")
        limits = {"files": uploads.MAX_FILES, "megabytes": uploads.MAX_BYTES // 2**20}
        gr.Markdown(text("ui/texts/uploads.md", **limits), elem_classes="fm-caption")
        pad = gr.Sketchpad(
            show_label=False, layers=False, type="numpy", canvas_size=(280, 280), image_mode="RGBA", height=380,
            elem_id="translate-pad", brush=gr.Brush(default_size=14, colors=["#000000"], color_mode="fixed"),
        )  # fmt: skip
    return gallery, pad, [files, first, count, invert]


def _maps(library: Library) -> None:
    maps = {name: data["quality"]["map"] for name, data in library.metadata.items() if "map" in data.get("quality", {})}
    if maps:
        with gr.Accordion("Which clothes become which digits", open=False, elem_id="translate-maps"):
            for name, counts in maps.items():
                gr.Plot(map_figure(name, counts), show_label=False)


def map_figure(name: str, counts: list[list[int]]) -> go.Figure:
    """A heat map of the test set: how many of each class of clothes (rows) become each digit (columns)."""
    heat = go.Heatmap(
        z=counts, x=list("0123456789"), y=list(CLOTHES_SET.classes), colorscale="Blues", texttemplate="%{z}",
        hovertemplate="%{y} → %{x}: %{z}<extra></extra>",
    )  # fmt: skip
    layout = {"title": f"{name}: 10,000 test images, 50 Euler steps", "height": 420, "margin": {"t": 48, "b": 40}}
    axes = {"xaxis": {"title": "digit read", "type": "category"}, "yaxis": {"autorange": "reversed"}}
    return go.Figure(heat, layout | axes)
