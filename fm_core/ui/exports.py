"""A translation as files to keep: a PNG of before and after, an animated GIF of the journey, an NPZ of the arrays."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from fm_core.image_playground import ImageRun
from fm_core.images import IMAGE_SETS

ZOOM = 4
COLUMNS = 16
_MILLISECONDS_PER_STEP, _SHORTEST_MILLISECONDS = 80, 20
_LAST_MILLISECONDS = 1500


def pixels_at(run: ImageRun) -> Tensor:
    """All states as uint8 (T, n, 28, 28), the scale going from the source's to the target's with t."""
    source, target = (IMAGE_SETS.get(name, IMAGE_SETS["mnist"]) for name in (run.flow.source, run.flow.target))
    t = run.trajectory.t.view(-1, 1, 1, 1)
    mean, std = source.mean + t * (target.mean - source.mean), source.std + t * (target.std - source.std)
    return ((run.trajectory.x.squeeze(2) * std + mean) * 255).round().clamp(0, 255).byte()


def sheet(images: np.ndarray) -> Image.Image:
    """Images of shape (n, 28, 28) side by side, in rows of at most `COLUMNS`, enlarged."""
    columns = min(COLUMNS, len(images))
    missing = -len(images) % columns
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=96)
    grid = np.pad(framed, ((0, missing), (0, 0), (0, 0))).reshape(-1, columns, 30, 30)
    whole = grid.transpose(0, 2, 1, 3).reshape(-1, columns * 30)
    return Image.fromarray(whole).resize((whole.shape[1] * ZOOM, whole.shape[0] * ZOOM), Image.Resampling.NEAREST)


def _stacked(rows: list[Image.Image]) -> Image.Image:
    whole = Image.new("L", (rows[0].width, sum(row.height for row in rows)))
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return whole


def write_png(runs: list[ImageRun], path: Path) -> None:
    """The sources on top, the results of each side beneath."""
    states = [pixels_at(run).numpy() for run in runs]
    _stacked([sheet(states[0][0]), *(sheet(state[-1]) for state in states)]).save(path)


def write_gif(runs: list[ImageRun], path: Path) -> None:
    """One frame per state of the side with most, each until the next one's t; the sides on top of each other."""
    states = [pixels_at(run).numpy() for run in runs]
    most = max(map(len, states))
    places = [np.linspace(0, len(state) - 1, most).round().astype(int) for state in states]
    frames = [
        _stacked([sheet(state[place[k]]) for state, place in zip(states, places, strict=True)]) for k in range(most)
    ]
    t = max((run.trajectory.t for run in runs), key=len)
    lengths = (t.diff() * _MILLISECONDS_PER_STEP * (most - 1)).clamp(min=_SHORTEST_MILLISECONDS).round().int()
    durations = [*lengths.tolist(), _LAST_MILLISECONDS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def write_npz(runs: list[ImageRun], path: Path) -> None:
    """For sides a and b: x (T, n, 28, 28) as uint8, t, and the classifier's probabilities (T, n, 10)."""
    arrays: dict[str, np.ndarray] = {}
    for letter, run in zip("ab", runs, strict=False):
        arrays |= {f"images_{letter}": pixels_at(run).numpy(), f"t_{letter}": run.trajectory.t.numpy()}
        if run.probabilities is not None:
            arrays[f"probabilities_{letter}"] = run.probabilities.numpy()
    np.savez_compressed(path, allow_pickle=False, **arrays)


WRITERS: dict[str, Callable[[list[ImageRun], Path], None]] = {"png": write_png, "gif": write_gif, "npz": write_npz}


def save(runs: list[ImageRun], kind: str, directory: Path) -> str:
    """Write the runs as one of `WRITERS` to a new folder in `directory`, and return the file's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=directory)) / f"{runs[0].flow.name}.{kind}"
    WRITERS[kind](runs, path)
    return str(path)
