"""The catalogue as tables: for the terminal, for `checkpoints/README.md` and for the page."""

import json
import math
from pathlib import Path

from fm_core.checkpoints import CheckpointError, checkpoint_path, load_checkpoint, read_tensors
from fm_core.image_flows import SPACING
from fm_core.quality import JUDGED_NFE, NFES
from fm_core.recipes import CATALOGUE, CLASSIFIER, IMAGE_RECIPES, RECIPES

IMAGE_JUDGED = (20, 50)
IMAGE_FIGURES = ("precision", "recall", "coverage", "confidence", "evenness")  # beside the Fréchet distance
STATES = ("trained", "stopped", "not trained", "damaged")


def state_path(name: str, directory: Path) -> Path:
    """Where a training in progress keeps its state."""
    return directory / "runs" / f"{name}.safetensors"


def state_of(name: str, directory: Path) -> tuple[str, dict | None]:
    """One of `STATES`, and the metadata of the checkpoint if there is a sound one."""
    path = checkpoint_path(name, directory)
    try:
        metadata = load_checkpoint(path).metadata if path.exists() else None
    except CheckpointError:
        return "damaged", None
    if state_path(name, directory).exists():
        return "stopped", metadata
    return ("trained" if metadata else "not trained"), metadata


def quality_at(metadata: dict, nfe: int) -> tuple[float, float, float]:
    """(W2, floor, variance error) of a checkpoint at this NFE."""
    figures = metadata["quality"]
    index = figures["nfe"].index(nfe)
    return figures["w2"][index], figures["floor"], figures["variance_error"][index]


def summary(metadata: dict) -> str:
    """The quality of a checkpoint in one line."""
    figures = metadata["quality"]
    if "accuracy" in figures:
        return f"{figures['accuracy']:.2%} of {figures['images']:,} test digits read right"
    if "fd" in figures:
        ratios = [f"{figures['fd'][NFES.index(n)] / figures['floor']['fd']:.1f} at NFE {n}" for n in IMAGE_JUDGED]
        return f"Fréchet distance / floor {', '.join(ratios)}"
    w2, floor, error = quality_at(metadata, JUDGED_NFE)
    return f"W2 {w2:.4f} at NFE {JUDGED_NFE}, {w2 / floor:.2f} times the floor; variance within {error:.2%}"


def listing(directory: Path) -> str:
    """The catalogue with state and quality, one line a recipe."""
    lines = [f"{'name':38} {'state':12} quality"]
    for name in CATALOGUE:
        state, metadata = state_of(name, directory)
        lines.append(f"{name:38} {state:12} {summary(metadata) if metadata else ''}".rstrip())
    return "\n".join(lines)


def curve_path(name: str, directory: Path) -> Path:
    """Where the learning curve of a finished training is kept, one JSON line an epoch."""
    return directory / "curves" / f"{name}.jsonl"


def curve(name: str, directory: Path) -> list[dict]:
    """The learning curve of a recipe: iteration, running loss and seconds at each epoch's end."""
    try:
        return read_tensors(state_path(name, directory))[1].get("curve", [])
    except CheckpointError:
        path = curve_path(name, directory)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def curves(directory: Path) -> str:
    """All learning curves, one line a recipe: epochs, first and last loss, and the loss's logarithm drawn small."""
    lines = [f"{'name':38} {'epochs':>6} {'first':>9} {'last':>9}  loss, logarithmic"]
    for name in CATALOGUE:
        losses = [entry["loss"] for entry in curve(name, directory)]
        if losses:
            lines.append(f"{name:38} {len(losses):6} {losses[0]:9.4f} {losses[-1]:9.4f}  {_spark(losses)}")
    return "\n".join(lines) if len(lines) > 1 else "There are no learning curves yet."


def _spark(values: list[float], width: int = 40) -> str:
    """Values as a row of at most `width` bars, by their logarithm."""
    marks = "▁▂▃▄▅▆▇█"
    chosen = [math.log(values[k * len(values) // width]) for k in range(width)] if len(values) > width else []
    logs = chosen or [math.log(value) for value in values]
    low, span = min(logs), max(logs) - min(logs) or 1.0
    return "".join(marks[round((value - low) / span * (len(marks) - 1))] for value in logs)


_HEAD = """# Checkpoints

Written by `train_all.py`; do not edit. Each `.safetensors` file holds the EMA weights of one network, and as JSON under
the metadata key `json`: `format_version`, `name`, the whole `recipe`, `seed`, `iterations`, `training_seconds`,
`hardware`, `packages`, `commit` (at the start of the training), `final_loss`, `covariance` (of x_0 and x_1) and
`quality`. `curves/` has the learning curves, one JSON line an epoch; `test-digits.safetensors` the mean and the
covariance of the classifier's features of the 10,000 test digits.
"""

_TOY = """## 2D flows

Quality is that of Euler, where NFE is the number of steps. **W2** is the exact 2-Wasserstein distance between
{samples} points of the flow and as many fresh ones: at NFE {judged} the median of three seeds, elsewhere one seed.
The **floor** is the same between those fresh points and others as fresh (median of three seeds), so no flow can be
expected to score less. **Variance** is the largest relative deviation, at any of {judged} steps, in either dimension,
from the exact field's run with the same steps on the same noise (for OT couplings: from the theory curve of the path,
with the error of Euler in it).

| flow | floor | {heads} | W2/floor at {judged} | variance | iterations | seconds |
|---|---|{rules}---|---|---|---|
{rows}
"""

_IMAGES = """## Image flows

Judged by the digit classifier ({accuracy}), on 10,000 images by Euler with NFE steps,
the k-th state at t = (k / NFE)^{spacing}, against the 10,000 test digits.
**FD** is the Fréchet distance of its penultimate features, with its ratio to the floor: what as many training digits
score (last row). **Precision**, **recall** and **coverage** by 5 nearest neighbours of the same features;
**confidence** is the mean of the largest class probability, **evenness** the entropy of the classes over that of ten
equal ones. Translations start from the 10,000 Fashion-MNIST test images with their
recipe's noise.

| flow | NFE | FD (ratio) | {heads} |
|---|---|---|{rules}
{rows}

| flow | epochs | minutes | trained on |
|---|---|---|---|
{trainings}
"""


def quality_rows(directory: Path) -> list[list[str]]:
    """One row per trained flow: name, floor, W2 at each NFE, ratio and variance error at 50, iterations, seconds."""
    rows = []
    for name in RECIPES:
        metadata = state_of(name, directory)[1]
        if metadata:
            w2, floor, error = quality_at(metadata, JUDGED_NFE)
            distances = [f"{value:.3f}" for value in metadata["quality"]["w2"]]
            effort = [f"{metadata['iterations']:,}", f"{metadata['training_seconds']:.0f}"]
            rows.append([name, f"{floor:.3f}", *distances, f"{w2 / floor:.2f}", f"{error:.1%}", *effort])
    return rows


def write_readme(directory: Path) -> None:
    """Write the quality tables of all sound checkpoints to README.md in their folder."""
    sections = [*_toy_section(directory), *_image_section(directory)]
    if not sections:
        return
    beside = directory / "README.md.tmp"
    beside.write_text("\n".join([_HEAD, *sections]), encoding="utf-8")
    beside.replace(directory / "README.md")


def _toy_section(directory: Path) -> list[str]:
    rows = quality_rows(directory)
    if not rows:
        return []
    figures = next(metadata["quality"] for name in RECIPES if (metadata := state_of(name, directory)[1]))
    return [
        _TOY.format(
            samples=f"{figures['samples']:,}",
            judged=JUDGED_NFE,
            heads=" | ".join(f"W2 at {nfe}" for nfe in NFES),
            rules="---|" * len(NFES),
            rows=_table(rows),
        )
    ]


def _image_section(directory: Path) -> list[str]:
    flows = {name: metadata for name in IMAGE_RECIPES if (metadata := state_of(name, directory)[1])}
    classifier = state_of(CLASSIFIER.name, directory)[1]
    if not flows or not classifier:
        return []
    rows = [_image_row(name, metadata, k) for name, metadata in flows.items() for k in range(len(NFES))]
    floor = next(iter(flows.values()))["quality"]["floor"]
    rows.append(["training digits", "–", *(f"{floor[key]:.3f}" for key in ("fd", *IMAGE_FIGURES))])
    return [
        _IMAGES.format(
            accuracy=summary(classifier),
            heads=" | ".join(IMAGE_FIGURES),
            rules="---|" * len(IMAGE_FIGURES),
            rows=_table(rows),
            spacing=SPACING,
            trainings=_table([_training_row(name, metadata) for name, metadata in flows.items()]),
        )
    ]


def _table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _training_row(name: str, metadata: dict) -> list[str]:
    hardware = metadata["hardware"]
    device = f"{hardware['device']}, {hardware['threads']} thread{'s' * (hardware['threads'] > 1)}"
    return [name, str(metadata["recipe"]["epochs"]), f"{metadata['training_seconds'] / 60:.0f}", device]


def _image_row(name: str, metadata: dict, k: int) -> list[str]:
    figures = metadata["quality"]
    ratio = figures["fd"][k] / figures["floor"]["fd"]
    others = [f"{figures[key][k]:.3f}" for key in IMAGE_FIGURES]
    return [name, str(figures["nfe"][k]), f"{figures['fd'][k]:.3f} ({ratio:.1f}×)", *others]
