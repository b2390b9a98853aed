"""Settings of runs of points, checked when they are made."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from fm_core.budget import Budget, Costly
from fm_core.checked import Checked, choice_of, decimal_in, number_in, whole_in
from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS
from fm_core.maths.flow import SEEDS
from fm_core.maths.matching import COUPLINGS, OPTIMAL_TRANSPORT, Pair, optimal_transport
from fm_core.maths.schedules import SCHEDULES, Schedule, trigonometric
from fm_core.maths.solvers import SOLVERS
from fm_core.maths.spacing import EQUAL, SPACINGS
from fm_core.models.kind import flow_name

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
POINT_BUDGET = Budget(4_000_000, 2e-6, "particles", patience=2)


@dataclass(frozen=True)
class Field(Checked):
    """Which field of points, between ends that `Ends` has."""

    schedule: str = choice_of(SCHEDULES, "linear")
    coupling: str = choice_of(COUPLINGS, "independent")
    velocity: str = choice_of(VELOCITIES, "learned")


@dataclass(frozen=True)
class Side(Costly, Field):
    """The settings of one of two compared runs of points; `noise` is η of `maths/noise.py`."""

    steps: int = whole_in(STEPS, 50)
    solver: str = choice_of(SOLVERS, "euler")
    spacing: str = choice_of(SPACINGS, EQUAL.name)
    noise: float = decimal_in(NOISE, STRIDE, 0.0)
    drift: str = choice_of(DRIFTS, CORRECTED)


@dataclass(frozen=True)
class Ends(Checked):
    """Between what flows of points lead."""

    target: str = choice_of(TARGETS, "moons")
    source: str = choice_of(SOURCES, STANDARD.name)

    def flow_name(self, side: Field) -> str:
        suffix = COUPLINGS[side.coupling].suffix + f"-{side.velocity}" * (side.velocity in VARIANTS)
        return flow_name(self.target, side.schedule, self.source, suffix)


@dataclass(frozen=True)
class Settings(Ends):
    """A request for points: what the sides share, and one or two sides."""

    particles: int = whole_in(PARTICLES, 2000)
    seed: int = whole_in(SEEDS, 0)
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

    x: float = number_in(PLACES, 0.0)
    y: float = number_in(PLACES, 0.0)
    t: float = number_in((0.0, 1.0), 0.5)
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
    schedule: str = choice_of((*SCHEDULES, CUSTOM), "linear")
    a: float = decimal_in(FACTORS, 0.01, 0.5)
    b: float = decimal_in(FACTORS, 0.01, 0.5)
    coupling: str = choice_of(COUPLINGS, "independent")
    group: int = choice_of(GROUPS, 128)
    steps: int = whole_in(STEPS, 50)

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

    target: str = choice_of(TARGETS, "moons")
    source: str = choice_of(SOURCES, STANDARD.name)
    particles: int = whole_in(PARTICLES, 2000)
    seed: int = whole_in(SEEDS, 0)
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
