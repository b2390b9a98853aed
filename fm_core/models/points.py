"""Flows of points in 2D."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fm_core.checkpoints import Unfit
from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS, Distribution, Mixture
from fm_core.maths.flow import Flow
from fm_core.maths.matching import COUPLINGS, INDEPENDENT, Coupling, draw_times, matching_loss
from fm_core.maths.quality import JUDGED_NFE, measure
from fm_core.maths.schedules import SCHEDULES, Schedule
from fm_core.models.kind import Recipe, Task, flow_name
from fm_core.models.networks import VelocityMLP

FIGURES = ("flow_map_error", "far", "w2", "w2_std", "variance_error")  # of `measure`, at each NFE


@dataclass(frozen=True)
class PointRecipe(Recipe):
    """Everything but the seed that determines a trained flow of points."""

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

    @property
    def name(self) -> str:
        suffix = self.coupling.suffix + "-relu-output" * self.relu_output
        return flow_name(self.target.name, self.schedule.name, self.source.name, suffix)

    def network(self) -> VelocityMLP:
        return VelocityMLP(self.n_hidden, relu_output=self.relu_output)

    def task(self, seed: int, root: Path, device: str) -> Task:
        """A batch is newly drawn, coupled x_0 and x_1 of shape (B, 2), and t of shape (B,)."""
        return Task(
            lambda _, generator: (*self.draw(generator), draw_times(self.batch, generator, self.stratified)),
            lambda network, *batch: matching_loss(network, self.schedule, *batch),
        )

    def judge(self, network: nn.Module, directory: Path, root: Path) -> dict:
        """Cov(X_0, X_1), and the figures of `measure`."""
        covariance = self.covariance()
        return {"covariance": covariance, "quality": measure(self.flow(network, covariance))}

    def restore(self, network: nn.Module, metadata: dict) -> Flow:
        values = metadata.get("covariance")
        if not isinstance(values, list) or [type(value) for value in values] != [float, float]:
            raise Unfit("has no covariance of two numbers")
        return self.flow(network, tuple(values))

    def summary(self, quality: dict) -> str:
        at = quality_at(quality, JUDGED_NFE)
        error = "" if at["flow_map_error"] is None else f"flow-map error {at['flow_map_error']:.2%}, "
        w2 = f"W2 {at['w2']:.4f} ({quality['samples']:,} samples, {at['ratio']:.2f} times the floor)"
        return f"{error}{w2}, variance within {at['variance_error']:.2%} at NFE {JUDGED_NFE}"

    def flow(self, network: nn.Module, covariance: tuple[float, ...] = (0.0, 0.0)) -> Flow:
        return Flow(self.name, self.source, self.target, self.schedule, network, covariance)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch of x_0 and x_1, of shape (B, 2), coupled."""
        x_0 = self.source.sample(self.batch, generator)
        return x_0, self.coupling.pair(x_0, self.target.sample(self.batch, generator))

    def covariance(self, batches: int = 100) -> tuple[float, ...]:
        """Cov(X_0, X_1) per dimension under the coupling, estimated from `batches` batches."""
        if self.coupling is INDEPENDENT:
            return (0.0, 0.0)
        generator = torch.Generator().manual_seed(0)
        draws = (self.draw(generator) for _ in range(batches))
        products = (((x_0 - self.source.mean) * (x_1 - self.target.mean)).mean(0) for x_0, x_1 in draws)
        return tuple((sum(products, torch.zeros(2)) / batches).tolist())


def quality_at(figures: dict, nfe: int) -> dict[str, Any]:
    """The figures of `measure` at this NFE and `ratio`, W2 over the floor; None for what an older version left out."""
    index = figures["nfe"].index(nfe)
    at_nfe = {name: figures[name][index] if name in figures else None for name in FIGURES}
    floor = {name: figures.get(name) for name in ("floor", "floor_std")}
    return {**at_nfe, **floor, "ratio": at_nfe["w2"] / figures["floor"]}
