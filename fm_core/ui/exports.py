"""A translation as a file: a PNG of before and after, an animated GIF of the journey, or an NPZ of the arrays."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from fm_core.playground import Run
from fm_core.ui.image_packet import pixel_scales

ZOOM, COLUMNS = 4, 16
_MEAN_MILLISECONDS, _LEAST_MILLISECONDS, _LAST_MILLISECONDS = 80, 20, 1500  # of a frame


def pixels_at(run: Run) -> Tensor:
    """All states as uint8 (T, n, 28, 28), scaled from the source's mean and std at t = 0 to the target's at t = 1."""
    t = run.trajectory.t.view(-1, 1, 1, 1)
    mean, std = (start + t * (end - start) for start, end in zip(*pixel_scales(run), strict=True))
    return ((run.trajectory.x.squeeze(2) * std + mean) * 255).round().clamp(0, 255).byte()


def sheet(images: np.ndarray) -> Image.Image:
    """Images of shape (n, 28, 28) side by side, in rows of at most `COLUMNS`, enlarged."""
    columns = min(COLUMNS, len(images))
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=96)
    grid = np.pad(framed, ((0, -len(images) % columns), (0, 0), (0, 0))).reshape(-1, columns, 30, 30)
    whole = grid.transpose(0, 2, 1, 3).reshape(-1, columns * 30)
    return Image.fromarray(whole).resize((whole.shape[1] * ZOOM, whole.shape[0] * ZOOM), Image.Resampling.NEAREST)


def _stacked(rows: list[Image.Image]) -> Image.Image:
    return Image.fromarray(np.concatenate([np.asarray(row) for row in rows]))


def write_png(runs: list[Run], path: Path) -> None:
    """The sources, and below them the results of each side."""
    states = [pixels_at(run).numpy() for run in runs]
    _stacked([sheet(states[0][0]), *(sheet(state[-1]) for state in states)]).save(path)


def write_gif(runs: list[Run], path: Path) -> None:
    """The sides stacked; a frame for each state of the side with the most, shown in proportion to its time step."""
    states = [pixels_at(run).numpy() for run in runs]
    most = max(map(len, states))
    films = [state[np.linspace(0, len(state) - 1, most).round().astype(int)] for state in states]
    frames = [_stacked([sheet(film[k]) for film in films]) for k in range(most)]
    t = max((run.trajectory.t for run in runs), key=len)
    lengths = (t.diff() * _MEAN_MILLISECONDS * (most - 1)).clamp(min=_LEAST_MILLISECONDS).round().int()
    durations = [*lengths.tolist(), _LAST_MILLISECONDS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def write_npz(runs: list[Run], path: Path) -> None:
    """For sides a and b: images (T, n, 28, 28) as uint8, t, and the classifier's probabilities (T, n, 10)."""
    arrays: dict[str, np.ndarray] = {}
    for letter, run in zip("ab", runs, strict=False):
        arrays |= {f"images_{letter}": pixels_at(run).numpy(), f"t_{letter}": run.trajectory.t.numpy()}
        if run.probabilities is not None:
            arrays[f"probabilities_{letter}"] = run.probabilities.numpy()
    np.savez_compressed(path, allow_pickle=False, **arrays)


WRITERS: dict[str, Callable[[list[Run], Path], None]] = {"png": write_png, "gif": write_gif, "npz": write_npz}


def save(runs: list[Run], kind: str, directory: Path) -> str:
    """Write the runs with one of `WRITERS` to a new folder in `directory`; returns the file's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=directory)) / f"{runs[0].flow.name}.{kind}"
    WRITERS[kind](runs, path)
    return str(path)
