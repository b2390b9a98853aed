"""Settings of a run, checked when they are made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from fm_core.images.sets import IMAGE_SETS, SHAPE
from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS
from fm_core.maths.flow import SEEDS
from fm_core.maths.matching import COUPLINGS, OPTIMAL_TRANSPORT, Pair, optimal_transport
from fm_core.maths.schedules import SCHEDULES, Schedule, trigonometric
from fm_core.maths.solvers import SOLVERS
from fm_core.maths.spacing import EQUAL, SHORT_FIRST, SPACINGS, time_grid
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.kind import flow_name
from fm_core.refusals import SettingsError, decimal, number, one_of, whole

VELOCITIES = {
    "learned": "learned",
    "exact": "exact",
    "relu-output": "learned, ReLU output",
    "one-step": "learned for one step",
}
VARIANTS = ("relu-output", "one-step")  # of learned flows, whose names end so
STEPS, PARTICLES = (1, 200), (100, 5000)
NOISE, STRIDE = (0.0, 3.0), 0.1  # η of noise on the way
CORRECTED = "corrected"
DRIFTS = {CORRECTED: "noise and correction", "uncorrected": "noise only"}
CUSTOM, FACTORS = "custom", (0, 2.5)  # the schedule of pairs with factors of π of its own
PLACES = (-20.0, 20.0)  # of a probe: far outside of every picture
GROUPS = (2, 8, 32, 128, 512)

CLOTHES_SET = IMAGE_SETS["fashion"]
ONE_OF_EACH = "one of each"
CLOTHES = (ONE_OF_EACH, *CLOTHES_SET.classes)
OWN = "own"  # in place of one of them, if the pictures are a person's own, which no settings contain
IMAGE_STEPS, COUNTS = (1, 100), (4, 9, 16, 36, 64)
PERFECT = "perfect"
DIGIT_VELOCITIES = {"learned": "network", PERFECT: "perfect network"}
WHOLE = 2 * SHAPE[1] - 1  # pixels: a window that sees the whole image from everywhere
WINDOWS = (3, 5, 7, 9, 11, 13, 15, 17, 21, WHOLE)
WINDOWED = 9  # evaluations of a network take about as long as one with a window, and 0.3 as long as one of the whole
UNTIL, UNTIL_STRIDE = (0.0, 1.0), 0.05
DRAWS = (1, 10)
IMAGE_SCHEDULES = tuple(dict.fromkeys(recipe.schedule.name for recipe in IMAGE_RECIPES.values()))


class Checked:
    """Base of frozen dataclasses whose fields have a `check`. Raises SettingsError for a value that fails it."""

    def __post_init__(self):
        for entry in fields(self):  # pyright: ignore[reportArgumentType]
            if check := entry.metadata.get("check"):
                object.__setattr__(self, entry.name, check(entry.name, getattr(self, entry.name)))


def _choice(choices: Collection[Any], default: Any) -> Any:
    return field(default=default, metadata={"check": partial(one_of, choices=choices)})


def _number(limits: tuple[int, int], default: int) -> Any:
    return field(default=default, metadata={"check": partial(whole, limits=limits)})


def _decimal(limits: tuple[float, float], step: float, default: float) -> Any:
    return field(default=default, metadata={"check": partial(decimal, limits=limits, step=step)})


def _real(limits: tuple[float, float], default: float) -> Any:
    return field(default=default, metadata={"check": partial(number, limits=limits)})


@dataclass(frozen=True)
class Budget:
    """How many evaluations of networks for one sample a request may take, and about how many seconds each takes."""

    most: int
    seconds: float
    samples: str
    patience: float  # of the line: a slider over points is dragged, and images are waited for

    def check(self, samples: int, sides: Sequence["Side | ImageSide"]) -> None:
        """Raises SettingsError."""
        if (count := evaluations(samples, sides)) > self.most:
            windowed = f", of which one with a window counts as {WINDOWED}" * any(side.cost > 1 for side in sides)
            raise SettingsError(
                f"This takes {count:,} evaluations, {self.samples} times evaluations of each run{windowed}; at most "
                f"{self.most:,} are made at once, so choose fewer steps or {self.samples}."
            )

    def expected(self, samples: int, sides: Sequence["Side | ImageSide"]) -> float:
        """Seconds."""
        return 0.05 + self.seconds * evaluations(samples, sides)


def evaluations(samples: int, sides: Sequence["Side | ImageSide"]) -> int:
    """Evaluations of a velocity for one sample, in all sides, in those of a network."""
    return round(samples * sum(side.cost * side.steps * SOLVERS[side.solver].evaluations for side in sides))


POINT_BUDGET = Budget(4_000_000, 2e-6, "particles", patience=2)
IMAGE_BUDGET = Budget(12_800, 1e-3, "images", patience=32)


@dataclass(frozen=True)
class Field(Checked):
    """Which field of points, between ends that `Ends` has."""

    schedule: str = _choice(SCHEDULES, "linear")
    coupling: str = _choice(COUPLINGS, "independent")
    velocity: str = _choice(VELOCITIES, "learned")


@dataclass(frozen=True)
class Side(Field):
    """The settings of one of two compared runs of points; `noise` is η of `maths/noise.py`."""

    cost: ClassVar[float] = 1
    steps: int = _number(STEPS, 50)
    solver: str = _choice(SOLVERS, "euler")
    spacing: str = _choice(SPACINGS, EQUAL.name)
    noise: float = _decimal(NOISE, STRIDE, 0.0)
    drift: str = _choice(DRIFTS, CORRECTED)


@dataclass(frozen=True)
class Ends(Checked):
    """Between what flows of points lead."""

    target: str = _choice(TARGETS, "moons")
    source: str = _choice(SOURCES, STANDARD.name)

    def flow_name(self, side: Field) -> str:
        suffix = COUPLINGS[side.coupling].suffix + f"-{side.velocity}" * (side.velocity in VARIANTS)
        return flow_name(self.target, side.schedule, self.source, suffix)


@dataclass(frozen=True)
class Settings(Ends):
    """A request for points: what the sides share, and one or two sides."""

    particles: int = _number(PARTICLES, 2000)
    seed: int = _number(SEEDS, 0)
    sides: tuple[Side, ...] = (Side(),)

    def __post_init__(self):
        super().__post_init__()
        POINT_BUDGET.check(self.particles, self.sides)

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return POINT_BUDGET.expected(self.particles, self.sides)


@dataclass(frozen=True)
class ProbeSettings(Ends):
    """A request for what the velocities at the place (x, y) and the time t are made of, in one or two fields."""

    x: float = _real(PLACES, 0.0)
    y: float = _real(PLACES, 0.0)
    t: float = _real((0.0, 1.0), 0.5)
    sides: tuple[Field, ...] = (Field(),)


@dataclass(frozen=True)
class PairSide(Checked):
    """The settings of one of two compared runs of training pairs: no network, and no solver.

    `a` and `b` are those of the custom schedule, alpha = cos(a π t) and beta = sin(b π t); optimal transport pairs
    within groups of `group`.
    """

    velocity: ClassVar[str] = "pairs"
    solver: ClassVar[str] = ""
    spacing: ClassVar[str] = EQUAL.name
    noise, drift = 0.0, CORRECTED
    schedule: str = _choice((*SCHEDULES, CUSTOM), "linear")
    a: float = _decimal(FACTORS, 0.01, 0.5)
    b: float = _decimal(FACTORS, 0.01, 0.5)
    coupling: str = _choice(COUPLINGS, "independent")
    group: int = _choice(GROUPS, 128)
    steps: int = _number(STEPS, 50)

    @property
    def path(self) -> Schedule:
        return trigonometric(self.a, self.b) if self.schedule == CUSTOM else SCHEDULES[self.schedule]

    @property
    def matched(self) -> bool:
        """Whether optimal transport pairs the samples, in groups."""
        return self.coupling == OPTIMAL_TRANSPORT.name

    @property
    def pair(self) -> Pair:
        return partial(optimal_transport, group=self.group) if self.matched else COUPLINGS[self.coupling].pair


@dataclass(frozen=True)
class PairSettings(Checked):
    """A request for pairs as training draws them, on their way from the source to the target."""

    target: str = _choice(TARGETS, "moons")
    source: str = _choice(SOURCES, STANDARD.name)
    particles: int = _number(PARTICLES, 2000)
    seed: int = _number(SEEDS, 0)
    sides: tuple[PairSide, ...] = (PairSide(),)

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        pairing = sum(side.matched * (0.3 + side.group / 256) for side in self.sides)
        return 0.1 + pairing + 1e-7 * self.particles * sum(side.steps for side in self.sides)

    def flow_name(self, side: PairSide) -> str:
        schedule = f"custom-{side.a:g}-{side.b:g}" if side.schedule == CUSTOM else side.schedule
        suffix = COUPLINGS[side.coupling].suffix + str(side.group) * side.matched
        return flow_name(self.target, schedule, self.source, f"{suffix}-pairs")


@dataclass(frozen=True)
class ImageSide(Checked):
    """The settings of one of two compared runs of images."""

    cost: ClassVar[float] = 1
    noise, drift = 0.0, CORRECTED  # for all but digits
    schedule: str = _choice(IMAGE_SCHEDULES, "linear")
    steps: int = _number(IMAGE_STEPS, 20)
    solver: str = _choice(SOLVERS, "euler")
    spacing: str = _choice(SPACINGS, SHORT_FIRST.name)


@dataclass(frozen=True)
class DigitSide(ImageSide):
    """The same for digits, whose source is noise.

    The velocity "perfect" is the exact one for 2,000 training digits, of which each pixel sees those in a `window` of
    as many pixels around it; it holds `until` a time, from which on the trained one does.
    """

    noise: float = _decimal(NOISE, STRIDE, 0.0)
    drift: str = _choice(DRIFTS, CORRECTED)
    velocity: str = _choice(DIGIT_VELOCITIES, "learned")
    window: int = _choice(WINDOWS, WHOLE)
    until: float = _decimal(UNTIL, UNTIL_STRIDE, 1.0)

    @property
    def cost(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The mean time of an evaluation, in those of the network's; a step counts as what it begins with."""
        if self.velocity != PERFECT or self.seen is None:
            return 1
        early = sum(t < self.until for t in time_grid(self.steps, SPACINGS[self.spacing])[:-1])
        return 1 + (WINDOWED - 1) * early / self.steps

    @property
    def seen(self) -> int | None:
        """The window, None if each pixel sees the whole image."""
        return self.window if self.window < WHOLE else None

    @property
    def flow_name(self) -> str:
        learned = flow_name(IMAGE_SETS["mnist"].name, self.schedule)
        if self.velocity != PERFECT:
            return learned
        perfect = f"{learned}-perfect-{self.seen or 'whole'}"
        return perfect if self.until == 1 else f"{perfect}-until-{self.until:g}-{learned}"


@dataclass(frozen=True)
class DigitSettings(Checked):
    """A request for digits from noise."""

    images: int = _choice(COUNTS, 16)
    seed: int = _number(SEEDS, 0)
    sides: tuple[DigitSide, ...] = (DigitSide(),)

    def __post_init__(self):
        super().__post_init__()
        IMAGE_BUDGET.check(self.images, self.sides)

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return IMAGE_BUDGET.expected(self.images, self.sides)


@dataclass(frozen=True)
class TranslateSettings(Checked):
    """A request for a translation of bundled clothes, or of a person's own, each once or the first `draws` times."""

    clothes: str = _choice((*CLOTHES, OWN), ONE_OF_EACH)
    seed: int = _number(SEEDS, 0)
    draws: int = _choice(DRAWS, 1)
    sides: tuple[ImageSide, ...] = (ImageSide(),)

    @property
    def seconds(self) -> float:
        """About how long ten pictures take."""
        return IMAGE_BUDGET.expected(10, self.sides)

    @property
    def pixels(self) -> Tensor:
        """The chosen pictures, uint8 (10, 28, 28), as they are translated: ten of a class, or the first of each.

        Raises SettingsError for `OWN`.
        """
        if self.clothes == OWN:
            raise SettingsError("Your own pictures are kept in your page only: upload them again, or choose clothes.")
        pixels, labels = CLOTHES_SET.bundled()
        if self.clothes == ONE_OF_EACH:
            return self.drawn(torch.stack([pixels[labels == k][0] for k in range(10)]))
        return self.drawn(pixels[labels == CLOTHES_SET.classes.index(self.clothes)])

    def drawn(self, pixels: Tensor) -> Tensor:
        """Pictures (n, 28, 28) as they are translated: all, or the first alone, with `draws` draws of the noise."""
        return pixels if self.draws == 1 else pixels[:1].expand(self.draws, -1, -1)

    def left_out(self, count: int) -> str:
        """A sentence on the pictures, of so many, that are not translated; empty if all are."""
        if self.draws == 1 or count <= 1:
            return ""
        return f"Only the first of {count} pictures is translated, with {self.draws} draws of the noise."


AnySide = Side | PairSide | ImageSide
