"""A run as a file: its arrays as NPZ, or the program that computes it as Python. The browser makes all other kinds."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from fm_core.line import Work
from fm_core.maths.flow import Check
from fm_core.playground import Run
from fm_core.refusals import one_of
from fm_core.ui.image_packet import pixel_scales
from fm_core.ui.snippets import AnySettings, file_name, snippet
from fm_core.ui.wire import message

KINDS = ("npz", "py")
ZOOM, COLUMNS = 4, 16


@dataclass(frozen=True)
class File:
    """A file's name and contents."""

    name: str
    content: bytes

    def __len__(self) -> int:
        return len(self.content)

    def to_page(self) -> bytes:
        return message({"file": self.name, "bytes": len(self)}) + self.content


def work(
    kind: str, settings: AnySettings, runs: Callable[[Check], list[Run]], pixels: np.ndarray | None = None
) -> Work:
    """The making of a file; `runs` is called only if it is needed.

    `pixels`, uint8 (n, 28, 28), are a person's own pictures, if those were translated. Raises SettingsError for a kind
    that is not one of `KINDS`.
    """
    name = file_name(settings, one_of("kind", kind, KINDS))

    def compute(check: Check) -> Iterator[File]:
        content = snippet(settings, pixels).encode() if kind == "py" else npz(runs(check))
        yield File(name, content)

    own = None if pixels is None else pixels.tobytes()
    return Work((settings, kind, own), f"{kind} of {type(settings).__name__}", settings.seconds, 1, compute)


def npz(runs: list[Run]) -> bytes:
    """The contents of a compressed .npz file of `arrays`, which NumPy reads without pickle."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays(runs))
    return file.getvalue()


def arrays(runs: list[Run]) -> dict[str, np.ndarray]:
    """For sides a and b: `t` (T,), `nfe`, the `noise` η on the way, and the names `flow`, `solver` and `spacing`,
    all with the side's letter as in `t_a`.

    Points have x and v, float32 (T, n, 2); images have `images`, uint8 (T, n, 28, 28), and with a classifier its
    `probabilities` of the digits, float32 (T, n, 10), and the places `plane` of its features, float32 (T, n, 2).
    """
    sides = zip("ab", map(_arrays, runs), strict=False)
    return {f"{name}_{letter}": array for letter, side in sides for name, array in side.items()}


def _arrays(run: Run) -> dict[str, np.ndarray]:
    trajectory = run.trajectory
    about = {"t": trajectory.t.numpy(), "nfe": np.array(trajectory.nfe)}
    about |= {name: np.array(getattr(run.side, name)) for name in ("solver", "spacing", "noise")}
    about |= {"flow": np.array(run.flow.name)}
    if trajectory.x.dim() == 3:
        return about | {"x": trajectory.x.numpy(), "v": trajectory.v.numpy()}
    read = {"probabilities": run.probabilities, "plane": run.plane}
    known = {name: values.numpy() for name, values in read.items() if values is not None}
    return about | {"images": pixels_at(run).numpy()} | known


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
