"""The catalogue as tables: for the terminal, for `checkpoints/README.md` and for the page."""

from pathlib import Path

from fm_core.checkpoints import CheckpointError, checkpoint_path, load_checkpoint
from fm_core.quality import JUDGED_NFE, NFES
from fm_core.recipes import CATALOGUE, RECIPES

IMAGE_JUDGED = (20, 50)
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


_README = """# Checkpoints

Written by `train_all.py`; do not edit. Each `.safetensors` file holds the EMA weights of one flow, and as JSON under
the metadata key `json`: `format_version`, `name`, the whole `recipe`, `seed`, `iterations`, `training_seconds`,
`hardware`, `packages`, `commit`, `final_loss`, `covariance` (of x_0 and x_1 under the coupling) and `quality`.

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
    """Write the quality table of all sound checkpoints to README.md in their folder."""
    rows = quality_rows(directory)
    if not rows:
        return
    figures = next(metadata["quality"] for name in RECIPES if (metadata := state_of(name, directory)[1]))
    text = _README.format(
        samples=f"{figures['samples']:,}",
        judged=JUDGED_NFE,
        heads=" | ".join(f"W2 at {nfe}" for nfe in NFES),
        rules="---|" * len(NFES),
        rows="\n".join(f"| {' | '.join(row)} |" for row in rows),
    )
    beside = directory / "README.md.tmp"
    beside.write_text(text, encoding="utf-8")
    beside.replace(directory / "README.md")
