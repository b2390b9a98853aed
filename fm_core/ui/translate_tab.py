"""The Translate tab: pictures of clothes, bundled or brought along, on their way to digits."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import torch

from fm_core import image_playground, uploads
from fm_core.image_playground import CLOTHES, ImageLibrary, TranslateSettings
from fm_core.images import IMAGE_SETS, samples
from fm_core.recipes import IMAGE_RECIPES, flow_name
from fm_core.requests import SettingsError, whole
from fm_core.ui import exports, image_wire
from fm_core.ui.address import TRANSLATE
from fm_core.ui.events import LIMITS, QUIET, busy, dice_js, settings_of, when_done
from fm_core.ui.image_controls import seed_controls, side_controls, with_trained
from fm_core.ui.player import Player
from fm_core.uploads import UploadError

PLAYER = "translate-player"
NOISE = IMAGE_RECIPES[flow_name("mnist", "linear", "fashion")].source_noise
PROMISE = f"""Every piece of clothing becomes *a* digit, not *the right* digit: there is none. In training each picture
of clothes was paired with a digit drawn by chance (the independent coupling), so the flow learns to carry the whole
crowd of clothes to the whole crowd of digits, and which digit a coat ends as is the flow's own affair. Noise
is mixed into the clothes, {NOISE**2:.0%} of the variance of x_0, so the same coat with other noise may become another
digit: without it the slightest trace of a digit on the clothes' exactly black backgrounds would give it away, and the
velocity would be too steep at t = 0 for a network to learn."""

# A picture that is pasted while the upload is in sight is given to it, in place of what was there.
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


def create_translate_tab(demo: gr.Blocks, library: ImageLibrary) -> None:
    """Build the tab inside `demo`. The pictures that a person brings live in that person's session."""
    pictures = gr.State(TranslateSettings().pixels.numpy())
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=1, min_width=300, elem_classes="fm-controls"):
            clothes = gr.Dropdown(list(CLOTHES), value=CLOTHES[0], label="Clothes", elem_id="translate-clothes")
            gallery, files, pad, options = _sources()
            controls, dice, side_b = _controls(library)
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            gr.Markdown("What the network sees, before noise", elem_classes="fm-caption")
            seen = gr.Image(
                _seen(TranslateSettings().pixels.numpy()), show_label=False, format="png", image_mode="L",
                interactive=False, elem_id="translate-seen", buttons=[],
            )  # fmt: skip
            player = Player("image", elem_id=PLAYER)
            _saving(library, [pictures, clothes, *controls.values()])
            gr.Markdown(PROMISE)
            _maps(library)
    _connect(demo, library, {"clothes": clothes, **controls}, (dice, side_b), pictures, seen, player,
             (gallery, files, pad, options))  # fmt: skip


def _connect(
    demo: gr.Blocks,
    library: ImageLibrary,
    controls: dict[str, Any],
    beside: tuple[gr.Button, gr.Accordion],
    pictures: gr.State,
    seen: gr.Image,
    player: Player,
    sources: tuple[gr.Gallery, gr.File, gr.Sketchpad, list[Any]],
) -> None:
    """What happens on which event: new pictures first, then a run with them, then the player has it.

    The menu of clothes is empty while the pictures are not those of any of its entries.
    """
    gallery, files, pad, options = sources
    dice, side_b = beside
    clothes, *sides = controls.values()

    def from_address(request: gr.Request) -> list:
        return _from_address(library, settings_of(TRANSLATE, request))

    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    run = {"fn": partial(_encoded, library), "inputs": [pictures, clothes, *sides], "outputs": player}
    again: dict[str, Any] = {**run, **LIMITS, **QUIET, "api_visibility": "private"}
    new = [pictures, seen]

    def then_run(event: Any) -> None:
        when_done(PLAYER, event.success(**again), failure_of=event)

    changes = [control.input for control in sides]
    picked = [clothes.input, gallery.select, pad.apply, dice.click]
    gr.on([*changes, *picked, files.upload], None, js=busy(PLAYER), api_visibility="private")
    when_done(PLAYER, gr.on(changes, **again))
    then_run(clothes.input(_of_class, clothes, new, **hidden))
    then_run(gallery.select(_of_gallery, None, [*new, clothes], **hidden))
    then_run(dice.click(None, outputs=controls["seed"], js=dice_js(image_playground.SEEDS), **hidden))
    then_run(pad.apply(_drawn, [pad, options[2]], [*new, clothes], **hidden))
    _connect_uploads(library, files, options, sides, (*new, clothes, player))
    demo.load(None, js=PASTE, api_visibility="private")
    controls["compare"].input(lambda shown: gr.update(visible=shown), controls["compare"], side_b, **hidden)
    then_run(demo.load(from_address, outputs=[*controls.values(), side_b, *new], **hidden))


def _connect_uploads(
    library: ImageLibrary, files: gr.File, options: list[Any], sides: list[Any], outputs: tuple[Any, ...]
) -> None:
    """Uploaded files are read and run when they come, and again when another range or inversion is wanted."""
    pictures, seen, clothes, player = outputs

    def translate(files, first, count, invert, *values) -> tuple:
        """Carry uploaded pictures of clothes to digits along one flow, or along two, with every step's statistics."""
        pixels = _uploaded(files, first, count, invert)
        return pixels, _seen(pixels), _encoded(library, pixels, None, *values)

    def read_again(files, *values) -> tuple | dict:
        return (None, *translate(files, *values)) if files else gr.skip()

    given: dict[str, Any] = {"inputs": [files, *options, *sides], "show_progress": "hidden", **LIMITS}
    upload = files.upload(translate, outputs=[pictures, seen, player], **given, api_name="translate")
    # In the browser, so that the API's answer has no menu in it.
    upload.success(None, outputs=clothes, js="() => null", api_visibility="private")
    changes = [option.input for option in options]
    again = gr.on(changes, read_again, outputs=[clothes, pictures, seen, player], **given, api_visibility="private")
    for event in (upload, again):
        when_done(PLAYER, event)


def _settings(clothes: str | None, values: Sequence[Any]) -> TranslateSettings:
    """Settings from the controls; `clothes` is None for pictures that no entry of its menu stands for."""
    try:
        return TRANSLATE.unflatten(dict(zip(TRANSLATE.names, [clothes or CLOTHES[0], *values], strict=True)))
    except SettingsError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _runs(library: ImageLibrary, pixels: np.ndarray, settings: TranslateSettings) -> list[image_playground.ImageRun]:
    try:
        return image_playground.translate(library, torch.from_numpy(pixels), settings.seed, settings.sides)
    except SettingsError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _encoded(library: ImageLibrary, pixels: np.ndarray, clothes: str | None, *values) -> dict:
    settings = _settings(clothes, values)
    return image_wire.encode(_runs(library, pixels, settings), TRANSLATE.to_query(settings), seed=settings.seed)


def _save(library: ImageLibrary, kind: str, folder: str, pixels: np.ndarray, clothes: str | None, *values) -> dict:
    path = exports.save(_runs(library, pixels, _settings(clothes, values)), kind, Path(folder))
    return gr.update(value=path, visible=True)


def _from_address(library: ImageLibrary, settings: TranslateSettings) -> list:
    """Updates of all controls, of side B's box, and of the pictures."""
    values, pixels = with_trained(TRANSLATE.flatten(settings), library.schedules("fashion")), settings.pixels.numpy()
    updates = [gr.update(value=value) for value in values.values()]
    return [*updates, gr.update(visible=values["compare"]), pixels, _seen(pixels)]


def _seen(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(exports.sheet(pixels))


def _of_class(clothes: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        pixels = TranslateSettings(clothes).pixels.numpy()
    except SettingsError as error:
        raise gr.Error(str(error), print_exception=False) from None
    return pixels, _seen(pixels)


def _of_gallery(event: gr.SelectData) -> tuple[np.ndarray, np.ndarray, None]:
    pixels = samples("fashion")[0][[event.index]].numpy()
    return pixels, _seen(pixels), None


def _uploaded(files: Sequence[str] | None, first: float, count: float, invert: str) -> np.ndarray:
    try:
        limits = (0, 2**31), (1, uploads.MAX_IMAGES)
        start, length = whole("the first image", first, limits[0]), whole("the number of images", count, limits[1])
        return uploads.read_files([Path(file) for file in files or []], start, length, invert).numpy()
    except (UploadError, SettingsError) as error:
        raise gr.Error(str(error), print_exception=False) from None


def _drawn(drawing: dict | None, invert: str) -> tuple[np.ndarray, np.ndarray, None]:
    """The pad's picture: drawn, pasted or uploaded there."""
    try:
        if not drawing or drawing.get("composite") is None:
            raise UploadError("The pad is empty: draw something, or paste a picture.")
        pixels = uploads.from_array(drawing["composite"], invert).numpy()[None]
    except UploadError as error:
        raise gr.Error(str(error), print_exception=False) from None
    return pixels, _seen(pixels), None


def _sources() -> tuple[gr.Gallery, gr.File, gr.Sketchpad, list[Any]]:
    """The gallery, the upload, the pad, and what they need to know: first, count, inversion."""
    fashion = IMAGE_SETS["fashion"]
    pixels, labels = samples("fashion")
    bundled = [(image.numpy(), fashion.classes[label]) for image, label in zip(pixels, labels, strict=True)]
    with gr.Accordion("Pick one", open=False):
        gallery = gr.Gallery(
            bundled, columns=5, height=260, show_label=False, allow_preview=False, format="png",
            elem_id="translate-gallery", buttons=[],
        )  # fmt: skip
    with gr.Accordion("Upload, paste or draw", open=False, elem_id="translate-upload"):
        files = gr.File(
            label="Pictures, or .npy, .npz, IDX", file_count="multiple", elem_id="translate-files", height=150
        )
        with gr.Row():
            first = gr.Number(0, label="From image", precision=0, min_width=80, elem_id="translate-first")
            count = gr.Number(10, label="How many", precision=0, min_width=80)
        invert = gr.Radio(list(uploads.INVERSIONS), value="auto", label="Invert (light on dark is wanted)")
        gr.Markdown(
            f"At most {uploads.MAX_FILES} files of {uploads.MAX_BYTES // 2**20} MB; Fashion-MNIST's own file of test "
            "images fits while it is gzipped. A picture in the clipboard is pasted with Ctrl+V. Or draw with the "
            "brush, then press ✓.",
            elem_classes="fm-caption",
        )
        pad = gr.Sketchpad(
            show_label=False, layers=False, type="numpy", canvas_size=(280, 280), image_mode="RGBA", height=380,
            elem_id="translate-pad", brush=gr.Brush(default_size=14, colors=["#000000"], color_mode="fixed"),
        )  # fmt: skip
    return gallery, files, pad, [first, count, invert]


def _controls(library: ImageLibrary) -> tuple[dict[str, Any], gr.Button, gr.Accordion]:
    controls: dict[str, Any] = {}
    dice = seed_controls(controls, "translate")
    controls["compare"] = gr.Checkbox(False, label="Compare two runs of the same clothes", elem_id="translate-compare")
    box = side_controls(controls, "translate", library.schedules("fashion"), TRANSLATE.defaults)
    return {name: controls[name] for name in TRANSLATE.names if name != "clothes"}, dice, box


def _saving(library: ImageLibrary, inputs: list[Any]) -> None:
    """The buttons that write a run to a file, and where the file then is."""
    with gr.Row(elem_classes="fm-presets"):
        gr.Markdown("Save:")
        buttons = {
            kind: gr.Button(kind.upper(), size="sm", elem_id=f"translate-save-{kind}") for kind in exports.WRITERS
        }
    saved = gr.File(label="Saved", interactive=False, visible=False, elem_id="translate-saved", height=70)
    options: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", **LIMITS}
    for kind, button in buttons.items():
        button.click(partial(_save, library, kind, saved.GRADIO_CACHE), inputs, saved, **options)


def _maps(library: ImageLibrary) -> None:
    """For each trained translation, which clothes become which digits."""
    maps = {name: data["quality"]["map"] for name, data in library.metadata.items() if "map" in data.get("quality", {})}
    if not maps:
        return
    with gr.Accordion("Which clothes become which digits", open=False, elem_id="translate-maps"):
        for name, counts in maps.items():
            gr.Plot(map_figure(name, counts), show_label=False)


def map_figure(name: str, counts: list[list[int]]) -> go.Figure:
    """A heat map of the test set: of each class of clothes (rows), how many become each digit (columns)."""
    heat = go.Heatmap(
        z=counts, x=list("0123456789"), y=list(IMAGE_SETS["fashion"].classes), colorscale="Blues", texttemplate="%{z}",
        hovertemplate="%{y} → %{x}: %{z}<extra></extra>",
    )  # fmt: skip
    layout = {"title": f"{name}: 10,000 test images, 50 Euler steps", "height": 420, "margin": {"t": 48, "b": 40}}
    return go.Figure(
        heat, {**layout, "xaxis": {"title": "digit read", "type": "category"}, "yaxis": {"autorange": "reversed"}}
    )
