"""A run as a Python program: a text that uses fm_core, and computes the same states when it is executed."""

import base64
import json
import textwrap
import zlib
from functools import lru_cache

import numpy as np
import torch

from fm_core.image_settings import PERFECT, AnySide, DigitSettings, DigitSide, TranslateSettings
from fm_core.machine import commit
from fm_core.models.classifier import MNIST
from fm_core.models.kind import flow_name
from fm_core.settings import CORRECTED, PairSettings, Settings

AnySettings = Settings | PairSettings | DigitSettings | TranslateSettings
Lines = list[str]
WIDTH = 116  # of the lines of packed pictures

_ABOUT = '''"""{name}

A run of the Flow Matching Playground, made with {versions}.
Start this in the playground's repository, which has fm_core and the checkpoints. It computes the states of the page, to
the bit on a processor of the same kind.
"""'''
_THREADS = "torch.set_num_threads(1)  # as on the page: with more, the last bits may differ"
_UNPACK = [
    "unpacked = bytearray(zlib.decompress(base64.b64decode(PICTURES)))",
    "pixels = torch.frombuffer(unpacked, dtype=torch.uint8).view(-1, 28, 28)",
]


def flow_names(settings: AnySettings) -> list[str]:
    """The name of the flow of each side.

    >>> flow_names(TranslateSettings())
    ['fashion-to-mnist-linear']
    """
    if isinstance(settings, PairSettings):
        return [settings.flow_name(side) for side in settings.sides]
    if isinstance(settings, Settings):
        return [settings.flow_name(side) + "-exact" * (side.velocity == "exact") for side in settings.sides]
    return [side.flow_name for side in settings.sides]


def file_name(settings: AnySettings, ending: str) -> str:
    """The name of a run's file, the same as in name.js.

    >>> file_name(DigitSettings(seed=3), "npz")
    'mnist-linear-euler-20-seed3.npz'
    """
    names = ["-".join(filter(None, (flow, *_way(side)))) for _, flow, side in _sides(settings)]
    return f"{'-vs-'.join(names)}-seed{settings.seed}.{ending}"


def _way(side: AnySide) -> Lines:
    """What a file's name says of the steps; nothing of what is usual."""
    noise = f"noise{side.noise:g}" if side.noise else ""
    drift = side.drift if side.noise and side.drift != CORRECTED else ""
    return [side.solver, str(side.steps), side.spacing if side.spacing != type(side)().spacing else "", noise, drift]


def snippet(settings: AnySettings, pixels: np.ndarray | None = None) -> str:
    """The program of a run. `pixels`, uint8 (n, 28, 28), are a person's own pictures, if those are translated.

    It leaves the trajectory in `run`, or those of two sides in `run_a` and `run_b`.
    """
    about = _ABOUT.format(name=file_name(settings, "py").removesuffix(".py"), versions=_versions())
    if isinstance(settings, Settings):
        imports, body = _points(settings)
    elif isinstance(settings, PairSettings):
        imports, body = _pairs(settings)
    elif isinstance(settings, DigitSettings):
        imports, body = _digits(settings)
    else:
        imports, body = _translation(settings, pixels)
    return "\n\n".join([about, "\n".join(imports), _THREADS, "\n".join(body), _report(settings)]) + "\n"


@lru_cache(maxsize=1)
def _versions() -> str:
    code, _, modified = (commit() or "").partition("-")
    ours = f"fm_core at commit {code[:12]}{' (modified)' * bool(modified)} and " if code else ""
    return f"{ours}torch {torch.__version__}"


def _sides(settings: AnySettings) -> list[tuple[str, str, AnySide]]:
    """Each side: the ending of its variables' names, the name of its flow, and its settings."""
    return list(zip(_endings(settings), flow_names(settings), settings.sides, strict=True))


def _endings(settings: AnySettings) -> Lines:
    return ["_a", "_b"] if len(settings.sides) > 1 else [""]


def _points(settings: Settings) -> tuple[Lines, Lines]:
    """The imports, and what computes the run."""
    given = f"n={settings.particles}"
    flows = [f"flow{end} = {_flow_of_points(settings, name, side)}" for end, name, side in _sides(settings)]
    loaders = sorted({line.split(" = ")[1].split("(")[0] for line in flows})
    return ["import torch", "", f"from fm_core import {', '.join(loaders)}"], [*flows, *_samples(settings, given)]


def _flow_of_points(settings: Settings, name: str, side: AnySide) -> str:
    if name.endswith("-exact"):
        return f"exact_flow({', '.join(map(_text, (settings.target, side.schedule, settings.source)))})"
    return f"load_flow({_text(name)})"


def _pairs(settings: PairSettings) -> tuple[Lines, Lines]:
    names = ", ".join(f"run{end}" for end, _, _ in _sides(settings))
    sides = ["        " + f"{side!r}," for side in settings.sides]
    shared = ", ".join(f"{name}={getattr(settings, name)!r}" for name in ("target", "source", "particles", "seed"))
    made = ["settings = PairSettings(", f"    {shared},", "    sides=(", *sides, "    ),", ")"]
    ours = ["from fm_core.playground import pair_paths", "from fm_core.settings import PairSettings, PairSide"]
    return ["import torch", "", *ours], [*made, f"[{names}] = (pairs.trajectory for pairs in pair_paths(settings))"]


def _digits(settings: DigitSettings) -> tuple[Lines, Lines]:
    sides = zip(_endings(settings), settings.sides, strict=True)
    flows = [f"flow{end} = {_flow_of_digits(side)}" for end, side in sides]
    loaders = [loader for loader in ("hand_over", "load_image_flow", "perfect_flow") if f"{loader}(" in " ".join(flows)]
    samples = _samples(settings, f"n={settings.images}")
    imports = ["import torch", "", f"from fm_core import {', '.join(loaders)}"]
    return imports, [*flows, *samples, *_results(settings, settings.images)]


def _flow_of_digits(side: DigitSide) -> str:
    learned = f"load_image_flow({_text(flow_name(MNIST.name, side.schedule))})"
    if side.velocity != PERFECT:
        return learned
    perfect = f"perfect_flow({_text(side.schedule)}, window={side.seen})"
    return perfect if side.until == 1 else f"hand_over({perfect}, {learned}, at={side.until:g})"


def _translation(settings: TranslateSettings, pixels: np.ndarray | None) -> tuple[Lines, Lines]:
    imports, own, n = _bundled(settings) if pixels is None else _packed(pixels)
    return imports, [
        *own,
        *_image_flows(settings),
        "clothes = CLOTHES_SET.standardise(pixels)",
        *(line for side in _sides(settings) for line in _carry(settings.seed, *side)),
        *_results(settings, n),
    ]


def _carry(seed: int, end: str, _: str, side: AnySide) -> Lines:
    """What mixes a flow's share of the noise into the clothes, and carries them."""
    return [
        f"x_0{end} = flow{end}.source.mix(clothes, torch.Generator().manual_seed({seed}))",
        f"run{end} = flow{end}.carry(x_0{end}, {_solving(side)})",
    ]


def _bundled(settings: TranslateSettings) -> tuple[Lines, Lines, int]:
    """The imports, what makes `pixels` of the bundled clothes, and how many they are."""
    ours = ["from fm_core import load_image_flow", "from fm_core.image_settings import CLOTHES_SET, TranslateSettings"]
    n = len(settings.pixels)
    draws = f", draws={settings.draws}" if settings.draws > 1 else ""
    line = f"pixels = TranslateSettings({_text(settings.clothes)}{draws}).pixels  # uint8 ({n}, 28, 28)"
    return ["import torch", "", *ours], [line], n


def _packed(pixels: np.ndarray) -> tuple[Lines, Lines, int]:
    """The same for other pictures, whose bytes are in the program: compressed, in lines of base64."""
    packed = base64.b64encode(zlib.compress(pixels.astype(np.uint8, casting="no").tobytes(), 9)).decode()
    lines = ['PICTURES = """', *textwrap.wrap(packed, WIDTH), '"""', *_UNPACK]
    ours = ["from fm_core import load_image_flow", "from fm_core.image_settings import CLOTHES_SET"]
    return ["import base64", "import zlib", "", "import torch", "", *ours], lines, len(pixels)


def _image_flows(settings: AnySettings) -> Lines:
    return [f"flow{end} = load_image_flow({_text(name)})" for end, name, _ in _sides(settings)]


def _samples(settings: AnySettings, given: str) -> Lines:
    seed = f"seed={settings.seed}"
    line = "run{0} = flow{0}.sample({1}, {2}, {3}{4})"
    return [line.format(end, given, _solving(side), seed, _noise(side)) for end, _, side in _sides(settings)]


def _solving(side: AnySide) -> str:
    spacing = "" if side.spacing == type(side)().spacing else f", spacing={_text(side.spacing)}"
    return f"steps={side.steps}, solver={_text(side.solver)}{spacing}"


def _noise(side: AnySide) -> str:
    drift = ", corrected=False" if side.drift != CORRECTED else ""
    return f", noise={side.noise:g}{drift}" if side.noise else ""


def _results(settings: AnySettings, n: int) -> Lines:
    """What turns the last states into pictures."""
    line = "digits{0} = flow{0}.target.to_pixels(run{0}.x[-1])  # uint8 ({1}, 28, 28)"
    return [line.format(end, n) for end, _, _ in _sides(settings)]


def _report(settings: AnySettings) -> str:
    """Says what was computed, and the last figure in the page's chart of the variance."""
    runs = ", ".join(f"run{end}" for end, _, _ in _sides(settings))
    print_variance = 'print("variance at t = 1:", run.variance[-1].item())'
    if len(settings.sides) == 1:
        return f"print(run)\n{print_variance}"
    return f"for run in ({runs}):\n    print(run)\n    {print_variance}"


def _text(value: str) -> str:
    return json.dumps(value)
