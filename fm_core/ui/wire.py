"""The packets that the player receives: a JSON header, and blocks of numbers that the header describes.

`header["blocks"]` lists {name, type, shape, scale} of the blocks, whose little-endian numbers follow one another. A
value is the stored number times the scale. A name is the block's path in the header: `sides.0.x` belongs at
`header["sides"][0]["x"]`. To programs a packet is {header, data}, with the numbers in base64; to the page it is a line
of JSON, the header with the count of `bytes`, and then the numbers. `unpack` and packet.js need no more to read it.
"""

import base64
import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fm_core.image_settings import DIGIT_VELOCITIES, PERFECT, RANDOM_PAIRS, TRAININGS, AnySide, DigitSide, TranslateSide
from fm_core.maths.matching import COUPLINGS, INDEPENDENT
from fm_core.maths.measures import standard_error
from fm_core.maths.solvers import SOLVERS
from fm_core.maths.spacing import SPACINGS
from fm_core.playground import Run
from fm_core.settings import CORRECTED, VELOCITIES, PairSide, Side


@dataclass(frozen=True)
class Block:
    """Numbers as sent; value = number · scale."""

    values: np.ndarray
    scale: float = 1.0


def rounded_to(dtype: torch.dtype, values: Tensor, limit: float | None = None) -> Block:
    """Values as integers of this type, whose maximum stands for `limit`, by default the largest of |values|."""
    top = torch.iinfo(dtype).max
    scale = (limit or max(values.abs().max().item(), 1e-9)) / top
    return Block((values / scale).round().clamp(max(-top, torch.iinfo(dtype).min), top).to(dtype).numpy(), scale)


@dataclass(frozen=True, eq=False)
class Packet:
    """A header, and blocks by name. Its length is that of the numbers, in bytes."""

    header: dict[str, Any]
    blocks: Mapping[str, Block]

    def __len__(self) -> int:
        return sum(block.values.nbytes for block in self.blocks.values())

    @property
    def _ordered(self) -> list[tuple[str, Block]]:
        """By the size of their numbers, so that each is aligned to it."""
        return sorted(self.blocks.items(), key=lambda item: -item[1].values.itemsize)

    @property
    def _described(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "type": str(block.values.dtype), "shape": list(block.values.shape), "scale": block.scale}
            for name, block in self._ordered
        ]

    @property
    def _data(self) -> bytes:
        return b"".join(block.values.tobytes() for _, block in self._ordered)

    @property
    def packet(self) -> "Packet":
        return self

    def to_program(self) -> dict[str, Any]:
        return {"header": {**self.header, "blocks": self._described}, "data": base64.b64encode(self._data).decode()}

    def to_page(self) -> bytes:
        return message({**self.header, "blocks": self._described, "bytes": len(self)}) + self._data


class Later:
    """A packet that is made when it is wanted; its length is that of what is kept for it, in bytes."""

    def __init__(self, make: Callable[[], Packet], size: int):
        self._make, self._size = make, size

    def __len__(self) -> int:
        return self._size

    @cached_property
    def packet(self) -> Packet:
        return self._make()

    def to_page(self) -> bytes:
        return self.packet.to_page()


def message(content: Mapping[str, Any]) -> bytes:
    """A line of JSON."""
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def joined(parts: Iterable[Packet | Later]) -> Packet:
    """One packet with the headers and blocks of all."""
    header, blocks = {}, {}
    for part in (part.packet for part in parts):
        header, blocks = _merged(header, part.header), blocks | dict(part.blocks)
    return Packet(header, blocks)


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_merged(*pair) for pair in zip(old, new, strict=True)]
    return new


def unpack(packet: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a packet {header, data}, with every block at its path as an array of floats."""
    tree, data, offset = copy.deepcopy(packet["header"]), base64.b64decode(packet["data"]), 0
    for block in tree["blocks"]:
        dtype = np.dtype(block["type"]).newbyteorder("<")
        array = np.frombuffer(data, dtype, int(np.prod(block["shape"])), offset).reshape(block["shape"])
        offset += array.nbytes
        *path, last = block["name"].split(".")
        place: Any = tree
        for key in path:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        place[last] = array * block["scale"]
    if offset != len(data):
        raise ValueError(f"The packet has {len(data):,} bytes, but describes {offset:,}.")
    return tree


THEORY_TIMES = 101
Part = tuple[str, bool]  # words, and whether they go without saying


def parts(run: Run) -> list[Part]:
    """What a side is made of: schedule, coupling, velocity, training, noise, solver, steps and their spacing."""
    side = run.side
    steps = f"{side.steps} step{'s' * (side.steps > 1)}"
    spacing = f"{SPACINGS[side.spacing].title} steps", side.spacing == type(side)().spacing
    return [
        (run.flow.schedule.name, False),
        _coupling(side),
        _velocity(side),
        _training(side),
        _noise(side),
        (solver_title(run), False),
        (steps, False),
        spacing,
    ]


def _coupling(side: AnySide) -> Part:
    if isinstance(side, PairSide):
        groups = f" in groups of {side.group}" if side.matched else " pairs"
        return COUPLINGS[side.coupling].title + groups, False
    if isinstance(side, Side):
        return COUPLINGS[side.coupling].title, side.coupling == INDEPENDENT.name
    return "", True


def _velocity(side: AnySide) -> Part:
    if isinstance(side, Side):
        return VELOCITIES[side.velocity], False
    if not isinstance(side, DigitSide):
        return "", True
    if side.velocity != PERFECT:
        return DIGIT_VELOCITIES[side.velocity], True
    words = DIGIT_VELOCITIES[PERFECT] + (f", window {side.seen}" if side.seen else "")
    return words + (f", until t = {side.until:g}" if side.until < 1 else ""), False


def _training(side: AnySide) -> Part:
    known = isinstance(side, TranslateSide)
    return (TRAININGS[side.training], side.training == RANDOM_PAIRS) if known else ("", True)


def _noise(side: AnySide) -> Part:
    words = f"noise {side.noise:g}" + (" uncorrected" if side.drift != CORRECTED else "")
    return (words, False) if side.noise else ("no noise", True)


def solver_title(run: Run) -> str:
    """Empty for what no solver made."""
    return SOLVERS[run.side.solver].title if run.side.solver else ""


def titles(runs: Sequence[Run]) -> list[str]:
    """A title for each side: what it is made of or, of two, what tells them apart."""
    columns = list(zip(*map(parts, runs), strict=True))
    if len(runs) == 1:
        return [_label(runs[0])]
    telling = [column for column in columns if len(set(column)) > 1] or columns[:1]
    return [" · ".join(words for words, _ in side if words) for side in zip(*telling, strict=True)]


def _label(run: Run) -> str:
    return " · ".join(words for words, usual in parts(run) if words and not usual)


def about(run: Run, title: str) -> dict[str, Any]:
    """The header of one side of any kind."""
    side, schedule = run.side, run.flow.schedule
    return {
        "flow": run.flow.name,
        "title": title,
        "label": _label(run),
        "schedule": schedule.name,
        "formula": schedule.formula,
        "solver": side.solver,
        "solver_title": solver_title(run),
        "correlated": bool(torch.tensor(run.flow.covariance).any()),
        "theory": _theory(run),
        "steps": side.steps,
        "spacing": side.spacing,
        "noise": side.noise,
        "drift": side.drift,
        **_of_images(side),
        "nfe": run.trajectory.nfe,
        "milliseconds": round(1000 * run.trajectory.seconds, 1),
    }


def _of_images(side: AnySide) -> dict[str, Any]:
    if isinstance(side, TranslateSide):
        title = TRAININGS[side.training]
        return {"training": side.training, "training_title": title, "source_noise": side.source_noise}
    if not isinstance(side, DigitSide):
        return {}
    return {"velocity": side.velocity, "window": side.seen, "until": side.until}


def _theory(run: Run) -> dict[str, list]:
    """Var X_t and the standard error of its measurement, for points as [mean, first, second dimension]; t is fine."""
    t, states = torch.linspace(0, 1, THEORY_TIMES), run.trajectory.t.numpy()
    variance = run.flow.theory_variance(t)
    series = [variance] if variance.dim() == 1 else [variance.mean(1), *variance.T]
    errors = [np.interp(t.numpy(), states, error) for error in standard_error(run.trajectory.x).numpy()]
    return {
        "t": rounded(t),
        "values": [rounded(values) for values in series],
        "errors": [rounded(torch.from_numpy(values)) for values in errors],
    }


def rounded(values: Iterable[float] | Tensor) -> list[float]:
    return [float(f"{value:.5g}") for value in (values.tolist() if isinstance(values, Tensor) else values)]
