"""The catalogue as tables: for the terminal, for `checkpoints/README.md` and for the page."""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from fm_core.checkpoints import (
    MODEL,
    STATE,
    CheckpointError,
    Unfit,
    checkpoint_path,
    curve_path,
    load_checkpoint,
    read_tensors,
    size_of,
    write,
)
from fm_core.maths.measures import FAR
from fm_core.maths.quality import JUDGED_NFE, NFES, SAMPLES, SEEDS
from fm_core.maths.spacing import SPACINGS
from fm_core.models.catalogue import CATALOGUE, CLASSIFIER, IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.figures import is_curve
from fm_core.models.images import FIGURES, SPACING
from fm_core.models.points import quality_at
from fm_core.texts import text

IMAGE_FIGURES = FIGURES[1:]  # besides the Fréchet distance
W2 = f"W2 of {SAMPLES:,} samples"
ERRORS = ["flow-map error", f"off by more than {FAR}"]
POINT_HEADS = ["flow", *ERRORS, W2, "floor", "W2 / floor", "variance error", "iterations", "seconds"]
BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.:-=+*#"  # small bars, and their substitute where they cannot be printed


def state_path(name: str, directory: Path) -> Path:
    """Where a training in progress keeps its state."""
    return directory / "runs" / f"{name}.safetensors"


def state_of(name: str, directory: Path) -> tuple[str, dict | None]:
    """One of trained, stopped, not trained and damaged, and the metadata of the checkpoint if it is sound."""
    path = checkpoint_path(name, directory)
    try:
        metadata = load_checkpoint(path, CATALOGUE[name]).metadata if os.path.exists(path) else None
    except CheckpointError:
        return "damaged", None
    if os.path.exists(state_path(name, directory)):
        return "stopped", metadata
    return ("trained" if metadata else "not trained"), metadata


def listing(directory: Path) -> str:
    lines = [f"{'name':38} {'state':12} quality"]
    for name in CATALOGUE:
        state, metadata = state_of(name, directory)
        lines.append(f"{name:38} {state:12} {summary(name, metadata) if metadata else ''}".rstrip())
    return "\n".join(lines)


def summary(name: str, metadata: dict) -> str:
    """The figures in one line, or what to do for them if the file has none that can be shown."""
    if "quality" not in metadata:
        return f"no figures: python train_all.py --judge --only {name}"
    return CATALOGUE[name].summary(metadata["quality"])


def curve(name: str, directory: Path) -> list[dict]:
    """Iteration, running loss and seconds at the end of each epoch, of a training in progress or a finished one.

    Empty if there is none. Raises CheckpointError for a file that holds something else.
    """
    try:
        values = read_tensors(state_path(name, directory), STATE)[1].get("curve")
    except CheckpointError:
        values = _saved_curve(curve_path(name, directory))
    if not is_curve(values):
        raise CheckpointError(f"The learning curve of {name} cannot be read: restore curves/{name}.jsonl.")
    return values  # pyright: ignore[reportReturnType]


def _saved_curve(path: Path) -> object:
    try:
        if size_of(path) <= MODEL.size:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except (Unfit, OSError, ValueError, RecursionError):
        return None
    return None


def curves(directory: Path, marks: str = BLOCKS) -> str:
    """All learning curves, one line per recipe: epochs, first and last loss, and a small plot of the log loss."""
    lines = [f"{'name':38} {'epochs':>6} {'first':>9} {'last':>9}  loss, logarithmic"]
    for name in CATALOGUE:
        try:
            losses = [entry["loss"] for entry in curve(name, directory)]
        except CheckpointError as problem:
            lines.append(str(problem))
            continue
        if losses:
            lines.append(f"{name:38} {len(losses):6} {losses[0]:9.4f} {losses[-1]:9.4f}  {_spark(losses, marks)}")
    return "\n".join(lines) if len(lines) > 1 else "There are no learning curves yet."


def _spark(values: list[float], marks: str, width: int = 40) -> str:
    """The logarithms of the values as a row of at most `width` marks; those of 0 or less as the lowest."""
    n = min(width, len(values))
    least = min((value for value in values if value > 0), default=1.0)
    logs = [math.log(max(values[k * len(values) // n], least)) for k in range(n)]
    low, span = min(logs), max(logs) - min(logs) or 1.0
    return "".join(marks[round((value - low) / span * (len(marks) - 1))] for value in logs)


def write_readme(directory: Path) -> None:
    """Write the quality tables of all checkpoints with sound figures to the folder's README.md."""
    found = {name: state_of(name, directory)[1] or {} for name in CATALOGUE}
    sound = {name: metadata for name, metadata in found.items() if "quality" in metadata}
    points = {name: sound[name] for name in POINT_RECIPES if name in sound}
    images = {name: sound[name] for name in IMAGE_RECIPES if name in sound}
    sections = [_point_section(points)] if points else []
    if images and CLASSIFIER.name in sound:
        sections.append(_image_section(images, CLASSIFIER.summary(sound[CLASSIFIER.name]["quality"])))
    if sections:
        write(directory / "README.md", "\n".join([text("training/tables/head.md"), *sections]).encode())


def _point_section(flows: dict[str, dict]) -> str:
    judged = {name: metadata["quality"] for name, metadata in flows.items()}
    return text(
        "training/tables/points.md",
        judged=JUDGED_NFE,
        samples=f"{SAMPLES:,}",
        seeds=len(SEEDS),
        far=FAR,
        table=point_table(flows),
        nfes=" | ".join(f"NFE {nfe}" for nfe in NFES),
        rules="---|" * len(NFES),
        errors=_table(_per_nfe(name, quality, _flow_map_error) for name, quality in judged.items()),
        distances=_table(_per_nfe(name, quality, _w2) for name, quality in judged.items()),
    )


def point_table(flows: Mapping[str, dict | None]) -> str:
    """A Markdown table of flows of points at the judged NFE, a row for each; None is one that is not usable."""
    rows = (_point_row(name, metadata) for name, metadata in flows.items())
    return _table([POINT_HEADS, ["---"] * len(POINT_HEADS), *rows])


def _point_row(name: str, metadata: dict | None) -> list[str]:
    if metadata is None or "quality" not in metadata:
        return [name, "not usable" if metadata is None else "no figures", *[""] * (len(POINT_HEADS) - 2)]
    quality = metadata["quality"]
    at = quality_at(quality, JUDGED_NFE)
    others = "" if quality["samples"] == SAMPLES else f" (of {quality['samples']:,})"  # figures of an older version
    distances = [_w2(at) + others, _plus_or_minus(at["floor"], at["floor_std"]), f"{at['ratio']:.2f}"]
    figures = [_share(at["flow_map_error"], 2), _share(at["far"]), *distances, _share(at["variance_error"])]
    return [name, *figures, f"{metadata['iterations']:,}", f"{metadata['training_seconds']:.0f}"]


def _per_nfe(name: str, quality: dict, cell: Callable[[dict], str]) -> list[str]:
    return [name, *(cell(quality_at(quality, nfe)) if nfe in quality["nfe"] else "–" for nfe in NFES)]


def _flow_map_error(at: dict) -> str:
    return "–" if at["flow_map_error"] is None else f"{at['flow_map_error']:.2%} ({_share(at['far'])})"


def _w2(at: dict) -> str:
    return _plus_or_minus(at["w2"], at["w2_std"])


def _plus_or_minus(mean: float, std: float | None) -> str:
    return f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"


def _share(value: float | None, digits: int = 1) -> str:
    """In percent; a dash for what was not or cannot be measured."""
    return "–" if value is None else f"{value:.{digits}%}"


def _image_section(flows: dict[str, dict], accuracy: str) -> str:
    floor = next(iter(flows.values()))["quality"]["floor"]
    digits = ["training digits", "–", *(f"{floor[key]:.3f}" for key in ("fd", *IMAGE_FIGURES)), _share(None)]
    rows = [
        _image_row(name, data["quality"], k) for name, data in flows.items() for k in range(len(data["quality"]["nfe"]))
    ]
    return text(
        "training/tables/images.md",
        accuracy=accuracy,
        heads=" | ".join(IMAGE_FIGURES),
        rules="---|" * len(IMAGE_FIGURES),
        rows=_table([*rows, digits]),
        trainings=_table(_training_row(name, metadata) for name, metadata in flows.items()),
    )


def _image_row(name: str, figures: dict, k: int) -> list[str]:
    ratio = figures["fd"][k] / figures["floor"]["fd"]
    others = [f"{figures[key][k]:.3f}" for key in IMAGE_FIGURES]
    right = _share(figures["right"][k] if "right" in figures else None)
    return [name, str(figures["nfe"][k]), f"{figures['fd'][k]:.3f} ({ratio:.1f}×)", *others, right]


def _training_row(name: str, metadata: dict) -> list[str]:
    hardware = metadata["hardware"]
    device = f"{hardware['device']}, {hardware['threads']} thread{'s' * (hardware['threads'] > 1)}"
    recipe, minutes = metadata["recipe"], metadata["training_seconds"] / 60
    spacing = SPACINGS[recipe.get("spacing", SPACING.name)]
    return [name, str(recipe["epochs"]), f"{minutes:.0f}", f"{spacing.title}, {spacing.formula}", device]


def _table(rows: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
