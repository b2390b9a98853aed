"""What the page and notebooks call: settings in, runs and their statistics out. No Gradio here."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil

import numpy as np
import torch
from torch import Tensor

from fm_core.image_settings import (
    CLOTHES_SET,
    PERFECT,
    AnySide,
    DigitSettings,
    DigitSide,
    ImageSide,
    TranslateSettings,
)
from fm_core.library import Library
from fm_core.maths.distributions import SOURCES, TARGETS, Distribution, Mixture
from fm_core.maths.flow import Check, Flow, Trajectory, always, fresh_samples, hand_over
from fm_core.maths.matching import covariance_of_pairs, draw_pairs, independent, interpolate
from fm_core.maths.measures import FlowMapError, finite, flow_map_error, wasserstein
from fm_core.maths.quality import sampling_floor
from fm_core.maths.spacing import time_grid
from fm_core.models.classifier import MNIST, read
from fm_core.models.digit_plane import Clouds, clouds
from fm_core.models.images import perfect_flow
from fm_core.models.kind import flow_name
from fm_core.refusals import SettingsError
from fm_core.settings import CORRECTED, VARIANTS, PairSettings, PairSide, Settings, Side

W2_PARTICLES, W2_STATES, FLOOR_PAIRS = 256, 11, 9
COVARIANCE_PAIRS = 10_000


@dataclass(frozen=True, eq=False)
class Run:
    """The result of one side, of finite numbers (else NotFinite is raised). For points `add_references` adds a
    `reference`, the exact velocity's run with the same solver, steps and noise; for images `read_ends` adds what is
    read from the predicted ends x̂_1: `probabilities` (T, n, 10) of the digits, the places `plane` (T, n, 2) of their
    features in the library's plane, and the `clouds` of training digits there. All are None where there are none.
    Pairs have each one's x_1 as `partners` (n, 2).
    """

    side: AnySide
    flow: Flow
    trajectory: Trajectory
    reference: Trajectory | None = None
    probabilities: Tensor | None = None
    plane: Tensor | None = None
    clouds: Clouds | None = None
    partners: Tensor | None = None

    def __post_init__(self):
        finite(self.trajectory.x)

    def __repr__(self) -> str:
        return f"Run({self.flow.name}: {self.trajectory})"

    @property
    def samples(self) -> "Samples":
        """What W2 to the target is measured with."""
        x = self.trajectory.x[:, :W2_PARTICLES]
        fresh = fresh_samples(self.flow.target, x.shape[1], self.trajectory.seed or 0)
        states = torch.linspace(0, len(x) - 1, min(len(x), W2_STATES)).round().int().tolist()
        return Samples({state: x[state].clone() for state in states}, fresh)

    @property
    def floor(self) -> float:
        """W2 between two sets of fresh samples, as many as `distances` uses."""
        n = min(self.trajectory.x.shape[1], W2_PARTICLES)
        return sampling_floor(self.flow.target, n, tuple(range(FLOOR_PAIRS)))

    @property
    def flow_map_error(self) -> FlowMapError | None:
        """The error of the particles' ends against the reference's; None without one, and for the exact velocity."""
        if self.reference is None or self.reference == self.trajectory:
            return None
        return flow_map_error(self.trajectory.x[-1], self.reference.x[-1], self.flow.target.variance)


@dataclass(frozen=True, eq=False)
class Samples:
    """At most 256 particles at up to 11 states of a run, by state, and as many fresh samples of the target."""

    x: Mapping[int, Tensor]
    fresh: Tensor

    def distance(self, state: int) -> float:
        """Exact W2 of a state to the fresh samples."""
        return wasserstein(self.x[state], self.fresh)

    @property
    def nbytes(self) -> int:
        return sum(x.nbytes for x in (*self.x.values(), self.fresh))


def simulate(library: Library, settings: Settings, check: Check = always) -> list[Run]:
    """Run every side on the same noise, two at a time. Raises SettingsError for a missing flow, else as `check`."""
    sides = tuple(dict.fromkeys(settings.sides))  # equal ones share a run
    if any(side.noise and side.velocity in VARIANTS for side in sides):
        raise SettingsError("Noise needs a velocity that tells E[x_0 | x]: choose learned or exact, or noise 0.")
    flows = [library.flow_of(settings, side) for side in sides]

    def sample(flow: Flow, side: Side) -> Trajectory:
        return _sample(flow, settings.particles, settings.seed, side, check)

    with ThreadPoolExecutor(2) as pool:
        runs = dict(zip(sides, map(Run, sides, flows, pool.map(sample, flows, sides)), strict=True))
    return [runs[side] for side in settings.sides]


def _sample(flow: Flow, n: int, seed: int, side: Side | DigitSide, check: Check) -> Trajectory:
    corrected = side.drift == CORRECTED
    return flow.sample(n, side.steps, side.solver, seed, check, side.noise, corrected, side.spacing)


def add_references(library: Library, settings: Settings, runs: list[Run], check: Check = always) -> list[Run]:
    """Runs of points with the `reference` of each side whose exact velocity is known. Raises as `check`."""
    exact = [replace(side, velocity="exact") for side in settings.sides]
    known = dict(zip(settings.sides, runs, strict=True))  # an exact side is its own reference
    missing = tuple(dict.fromkeys(side for side in exact if side.coupling == "independent" and side not in known))
    known |= dict(zip(missing, simulate(library, replace(settings, sides=missing), check), strict=True))
    references = [known[side].trajectory if side in known else None for side in exact]
    return [replace(run, reference=reference) for run, reference in zip(runs, references, strict=True)]


def pair_paths(settings: PairSettings, check: Check = always) -> list[Run]:
    """What training sees: pairs of the same x_0 and x_1, as each side couples them, on their paths X_t."""
    source, target = SOURCES[settings.source], TARGETS[settings.target]
    generator = torch.Generator().manual_seed(settings.seed)
    x_0, x_1 = draw_pairs(source, target, independent, settings.particles, generator)
    runs = []
    for side in settings.sides:
        check()
        coupled = PairSide(coupling=side.coupling, group=side.group)
        covariance = _covariance(source, target, coupled, settings.particles)
        flow = Flow(settings.flow_name(side), source, target, side.path, _no_field, covariance)
        start = time.perf_counter()
        partners = side.pair(x_0, x_1)
        t = torch.tensor(time_grid(side.steps))
        x, v = interpolate(side.path, x_0[None], partners[None], t)
        trajectory = Trajectory(t, x, v, 0, settings.seed, time.perf_counter() - start)
        runs.append(Run(side, flow, trajectory, partners=partners))
    return runs


@lru_cache(maxsize=256)
def _covariance(source: Mixture, target: Distribution, side: PairSide, n: int) -> tuple[float, ...]:
    """Cov(X_0, X_1) of pairs coupled as this side's n are, but of others than those."""
    if side.coupling == "independent":
        return (0.0, 0.0)
    return covariance_of_pairs(source, target, side.pair, n, ceil(COVARIANCE_PAIRS / n))


def _no_field(x: Tensor, t: Tensor) -> Tensor:
    raise SettingsError("Pairs have a velocity each; there is no field.")


def generate(library: Library, settings: DigitSettings, check: Check = always) -> list[Run]:
    """Digits from the same noise for every side, which `read_ends` reads. Raises like `simulate`."""
    flows = [_digit_flow(library, side) for side in settings.sides]
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(
            lambda flow, side: _sample(flow, settings.images, settings.seed, side, check), flows, settings.sides
        )
        return list(map(Run, settings.sides, flows, runs))


def _digit_flow(library: Library, side: DigitSide) -> Flow:
    """The trained flow, the perfect one, or the perfect one until a time."""
    learned = flow_name(MNIST.name, side.schedule)
    if side.velocity != PERFECT:
        return library.flow(learned)
    perfect = perfect_flow(side.schedule, side.seen)
    return perfect if side.until == 1 else hand_over(perfect, library.flow(learned), side.until)


def translate(library: Library, pixels: np.ndarray, settings: TranslateSettings, check: Check = always) -> list[Run]:
    """Digits from pictures of clothes, uint8 (n, 28, 28), and the seed's noise. Raises like `simulate`."""
    flows = [library.flow(side.flow_name) for side in settings.sides]
    clothes = CLOTHES_SET.standardise(torch.from_numpy(pixels))

    def carry(flow: Flow, side: ImageSide) -> Trajectory:
        x_0 = flow.source.mix(clothes, torch.Generator().manual_seed(settings.seed))  # as noisy as in its training
        return flow.carry(x_0, side.steps, side.solver, check=check, spacing=side.spacing)

    with ThreadPoolExecutor(2) as pool:
        return list(map(Run, settings.sides, flows, pool.map(carry, flows, settings.sides)))


def read_ends(library: Library, runs: list[Run], check: Check = always) -> list[Run]:
    """Runs of images with what the classifier reads in their predicted ends, if there is one: see `Run`."""
    classifier, plane = library.classifier, library.plane
    if classifier is None:
        return runs
    behind = plane and clouds(classifier, plane)

    def read_end(run: Run) -> Run:
        pixels = run.flow.target.to_pixels(run.flow.predicted_ends(run.trajectory)[1])  # (T, n, 28, 28)
        states = pixels.shape[:2]
        reading = read(classifier, pixels.flatten(0, 1), check)
        places = plane and plane.project(reading.features).view(*states, 2)
        return replace(run, probabilities=reading.probabilities.view(*states, 10), plane=places, clouds=behind)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(read_end, runs))
