"""What the app and a notebook call: settings in, runs with their statistics out. No Gradio here."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from statistics import median

import torch

from fm_core.checkpoints import DEFAULT_DIRECTORY, CheckpointError, checkpoint_path, load_checkpoint
from fm_core.exact import exact_velocity
from fm_core.flows import FRESH_SEEDS, Flow, Trajectory, fresh_samples
from fm_core.matching import COUPLINGS
from fm_core.recipes import RECIPES, STANDARD, flow_name
from fm_core.requests import SettingsError, one_of, whole
from fm_core.schedules import SCHEDULES
from fm_core.solvers import SOLVERS
from fm_core.statistics import wasserstein
from fm_core.toy import SOURCES, TARGETS

VELOCITIES = {"learned": "learned", "exact": "exact", "relu-output": "learned, ReLU output"}
STEPS = (1, 200)
PARTICLES = (100, 5000)
SEEDS = (0, FRESH_SEEDS - 1)
W2_PARTICLES = 256
W2_STATES = 11


@dataclass(frozen=True)
class Side:
    """What one of two compared runs has of its own."""

    schedule: str = "linear"
    coupling: str = "independent"
    velocity: str = "learned"
    steps: int = 50
    solver: str = "euler"

    def __post_init__(self):
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("coupling", self.coupling, COUPLINGS)
        one_of("velocity", self.velocity, VELOCITIES)
        one_of("solver", self.solver, SOLVERS)
        object.__setattr__(self, "steps", whole("steps", self.steps, STEPS))


@dataclass(frozen=True)
class Settings:
    """One request: what both sides share (the same data, the same noise), and one or two sides.

    Raises SettingsError for a value of the wrong type, out of its range or unknown.
    """

    target: str = "moons"
    source: str = STANDARD
    particles: int = 2000
    seed: int = 0
    sides: tuple[Side, ...] = (Side(),)

    def __post_init__(self):
        one_of("target", self.target, TARGETS)
        one_of("source", self.source, SOURCES)
        object.__setattr__(self, "particles", whole("particles", self.particles, PARTICLES))
        object.__setattr__(self, "seed", whole("seed", self.seed, SEEDS))

    def flow_name(self, side: Side) -> str:
        suffix = "-relu-output" if side.velocity == "relu-output" else ""
        return flow_name(self.target, side.schedule, self.source, side.coupling) + suffix


@dataclass(frozen=True, eq=False)
class Library:
    """The flows that could be loaded, and one sentence for each that could not. Read-only."""

    flows: Mapping[str, Flow]
    metadata: Mapping[str, dict]
    problems: Mapping[str, str]

    @staticmethod
    def load(directory: Path = DEFAULT_DIRECTORY) -> "Library":
        """Load every checkpoint of the catalogue; a damaged one becomes a problem, not an error."""
        flows, metadata, problems = {}, {}, {}
        for name in RECIPES:
            try:
                checkpoint = load_checkpoint(checkpoint_path(name, directory))
                flows[name], metadata[name] = checkpoint.flow, checkpoint.metadata
            except CheckpointError as error:
                problems[name] = str(error)
        return Library(flows, metadata, problems)

    def why_missing(self, names: list[str]) -> str:
        """Why there are no learned flows of these names, and what they would need; empty for no names."""
        damaged = [self.problems[name] for name in names if name in self.problems]
        untrained = [name for name in names if name not in self.problems]
        if untrained:
            damaged.append(
                f"There is no trained checkpoint for {' or '.join(untrained)}: that needs a Recipe in "
                "fm_core/recipes.py, then python train_all.py."
            )
        return " ".join(damaged)

    def flow(self, settings: Settings, side: Side) -> Flow:
        """The flow that a side asks for. Raises SettingsError, saying what it would need, if there is none."""
        name = settings.flow_name(side)
        if side.velocity == "exact":
            if side.coupling != "independent":
                raise SettingsError("The exact field is known for the independent coupling only, so choose that.")
            return exact_flow(settings.target, side.schedule, settings.source)
        if name not in self.flows:
            raise SettingsError(f"{self.why_missing([name])} Trained are: {', '.join(self.flows) or 'none'}.")
        return self.flows[name]


@lru_cache
def exact_flow(target: str, schedule: str, source: str = STANDARD) -> Flow:
    """The flow with the exact field; used like any other, `exact_flow("moons", "cosine").sample()`."""
    start, end, path = SOURCES[source], TARGETS[target], SCHEDULES[schedule]
    name = f"{flow_name(target, schedule, source)}-exact"
    return Flow(name, start, end, path, exact_velocity(start, end, path))


@dataclass(frozen=True)
class Run:
    """One side's outcome. `reference` is the exact field's run with the same solver, steps and noise, or None."""

    side: Side
    flow: Flow
    trajectory: Trajectory
    reference: Trajectory | None

    @cached_property
    def distances(self) -> dict[int, float]:
        """W2 to fresh target samples by state: at most 11 states, exact on the first 256 particles at most."""
        x = self.trajectory.x[:, :W2_PARTICLES]
        fresh = fresh_samples(self.flow.target, x.shape[1], self.trajectory.seed)
        states = torch.linspace(0, len(x) - 1, min(len(x), W2_STATES)).round().int().tolist()
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(states, pool.map(lambda state: wasserstein(x[state], fresh), states), strict=True))

    @property
    def floor(self) -> float:
        """W2 between fresh samples and other fresh ones, as many as `distances` uses."""
        return small_floor(self.flow.target.name, min(self.trajectory.x.shape[1], W2_PARTICLES))


@lru_cache
def small_floor(target: str, n: int) -> float:
    """Median W2 over nine pairs of independent sets of n fresh samples."""
    distribution = TARGETS[target]
    pairs = ((fresh_samples(distribution, n, k), fresh_samples(distribution, n, 1000 + k)) for k in range(9))
    return median(wasserstein(a, b) for a, b in pairs)


def simulate(library: Library, settings: Settings) -> list[Run]:
    """Run every side of the settings on the same noise, two runs at a time.

    Raises SettingsError for a flow that does not exist.
    """
    flows = [library.flow(settings, side) for side in settings.sides]
    with ThreadPoolExecutor(2) as pool:

        @lru_cache  # an exact side is its own reference, and two sides may share one
        def sample(flow: Flow, steps: int, solver: str) -> Future[Trajectory]:
            return pool.submit(flow.sample, settings.particles, steps, solver, settings.seed)

        def reference(side: Side) -> Future[Trajectory] | None:
            if side.coupling != "independent":
                return None
            return sample(exact_flow(settings.target, side.schedule, settings.source), side.steps, side.solver)

        runs = [
            (side, flow, sample(flow, side.steps, side.solver), reference(side))
            for side, flow in zip(settings.sides, flows, strict=True)
        ]
    return [Run(side, flow, run.result(), exact and exact.result()) for side, flow, run, exact in runs]
