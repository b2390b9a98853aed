"""Flows of points in 2D."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fm_core.checkpoints import Unfit
from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS, Distribution, Mixture
from fm_core.maths.flow import Flow
from fm_core.maths.matching import (
    COUPLINGS,
    INDEPENDENT,
    Coupling,
    covariance_of_pairs,
    draw_pairs,
    draw_times,
    matching_loss,
)
from fm_core.maths.quality import JUDGED_NFE, ROUNDING, measure
from fm_core.maths.schedules import SCHEDULES, Schedule
from fm_core.models.figures import are_nfes, is_count, is_number, is_series
from fm_core.models.kind import Recipe, Task, flow_name
from fm_core.models.networks import VelocityMLP

SMALLEST = 1e-9  # floor that a figure is divided by
FIGURES = ("flow_map_error", "far", "w2", "w2_std", "variance_error")  # of `measure`, at each NFE


@dataclass(frozen=True)
class PointRecipe(Recipe):
    """Everything but the seed that determines a trained flow of points.

    With `one_step` it is trained at t = 0 alone. On the linear schedule it regresses x_1 − x_0 on x_0 there, so that
    one step of Euler ends at E[x_1 | x_0]: for independent pairs at the mean of the data, wherever it starts.
    """

    kind: ClassVar[str] = "points"
    registries = {"target": TARGETS, "source": SOURCES, "schedule": SCHEDULES, "coupling": COUPLINGS}  # noqa: RUF012
    on_gpu: ClassVar[bool] = False
    # Every batch has new points, so an epoch is only a unit.
    epoch: ClassVar[int] = 100  # pyright: ignore[reportIncompatibleVariableOverride]
    length: ClassVar[str] = "iterations"

    target: Distribution
    schedule: Schedule
    source: Mixture = STANDARD
    coupling: Coupling = INDEPENDENT
    relu_output: bool = False
    n_hidden: int = 128
    iterations: int = 4_000
    batch: int = 1024
    learning_rate: float = 4e-3
    ema_decay: float = 0.995
    stratified: bool = True
    one_step: bool = False

    @property
    def name(self) -> str:
        suffix = self.coupling.suffix + "-relu-output" * self.relu_output + "-one-step" * self.one_step
        return flow_name(self.target.name, self.schedule.name, self.source.name, suffix)

    def network(self) -> VelocityMLP:
        return VelocityMLP(self.n_hidden, relu_output=self.relu_output)

    def task(self, seed: int, root: Path, device: str) -> Task:
        """A batch is newly drawn, coupled x_0 and x_1 of shape (B, 2), and t of shape (B,)."""
        return Task(
            lambda _, generator: (*self.draw(generator), self.draw_times(generator)),
            lambda network, *batch: matching_loss(network, self.schedule, *batch),
        )

    def judge(self, network: nn.Module, directory: Path, root: Path) -> dict:
        """Cov(X_0, X_1), and the figures of `measure`."""
        covariance = self.covariance()
        return {"covariance": covariance, "quality": measure(self.flow(network, covariance))}

    def sound(self, quality: dict) -> dict | None:
        """Older versions left figures out, and wrote ∞ or a huge number where a variance error is not defined."""
        nfe: Any = quality.get("nfe")
        given = {name: quality[name] for name in FIGURES if name in quality}
        sound = (
            are_nfes(nfe, [JUDGED_NFE])
            and is_count(quality.get("samples"))
            and is_number(quality.get("floor"), SMALLEST)
            and is_number(quality.get("floor_std", 0), 0)
            and "w2" in given
            and all(is_series(values, len(nfe), 0, optional=name != "w2") for name, values in given.items())
        )
        if not sound:
            return None
        errors = given.get("variance_error", [None] * len(nfe))
        return quality | {"variance_error": [_defined(error) for error in errors]}

    def restore(self, network: nn.Module, metadata: dict) -> Flow:
        values = metadata.get("covariance")
        if not isinstance(values, list) or not is_series(values, 2):
            raise Unfit("has no covariance of two numbers")
        return self.flow(network, tuple(map(float, values)))

    def summary(self, quality: dict) -> str:
        at = quality_at(quality, JUDGED_NFE)
        error = "" if at["flow_map_error"] is None else f"flow-map error {at['flow_map_error']:.2%}, "
        w2 = f"W2 {at['w2']:.4f} ({quality['samples']:,} samples, {at['ratio']:.2f} times the floor)"
        variance = "" if at["variance_error"] is None else f", variance within {at['variance_error']:.2%}"
        return f"{error}{w2}{variance} at NFE {JUDGED_NFE}"

    def flow(self, network: nn.Module, covariance: tuple[float, ...] = (0.0, 0.0)) -> Flow:
        return Flow(self.name, self.source, self.target, self.schedule, network, covariance)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch of x_0 and x_1, of shape (B, 2), coupled."""
        return draw_pairs(self.source, self.target, self.coupling.pair, self.batch, generator)

    def draw_times(self, generator: torch.Generator) -> Tensor:
        """Of shape (B,)."""
        return torch.zeros(self.batch) if self.one_step else draw_times(self.batch, generator, self.stratified)

    def covariance(self, batches: int = 100) -> tuple[float, ...]:
        """Cov(X_0, X_1) per dimension under the coupling, estimated from `batches` batches."""
        if self.coupling is INDEPENDENT:
            return (0.0, 0.0)
        return covariance_of_pairs(self.source, self.target, self.coupling.pair, self.batch, batches)


def quality_at(figures: dict, nfe: int) -> dict[str, Any]:
    """The figures of `measure` at this NFE and `ratio`, W2 over the floor; None for what an older version left out."""
    index = figures["nfe"].index(nfe)
    at_nfe = {name: figures[name][index] if name in figures else None for name in FIGURES}
    floor = {name: figures.get(name) for name in ("floor", "floor_std")}
    return {**at_nfe, **floor, "ratio": at_nfe["w2"] / figures["floor"]}


def _defined(variance_error: float | None) -> float | None:
    """None for what older versions wrote where the reference is one point up to rounding: see `variance_error`."""
    return None if variance_error is None or variance_error > 1 / ROUNDING else variance_error
