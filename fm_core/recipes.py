"""The catalogue: one frozen recipe per trained flow."""

from dataclasses import dataclass

from fm_core.matching import COUPLINGS
from fm_core.toy import TARGETS

STANDARD = "standard-gaussian"
EPOCH = 100  # iterations; 2D data are drawn afresh for every batch, so an epoch is only a unit


def flow_name(target: str, schedule: str, source: str = STANDARD, coupling: str = "independent") -> str:
    """The name of a flow, such as `moons-cosine`, `moons-linear-ot` or `eight-gaussians-to-moons-linear`."""
    start = "" if source == STANDARD else f"{source}-to-"
    return f"{start}{target}-{schedule}{COUPLINGS[coupling].suffix}"


@dataclass(frozen=True)
class Recipe:
    """Everything but the seed that decides a trained 2D flow."""

    target: str
    schedule: str
    source: str = STANDARD
    coupling: str = "independent"
    relu_output: bool = False
    n_hidden: int = 128
    iterations: int = 4_000
    batch: int = 1024
    learning_rate: float = 4e-3
    ema_decay: float = 0.995
    stratified: bool = True

    @property
    def name(self) -> str:
        suffix = "-relu-output" if self.relu_output else ""
        return flow_name(self.target, self.schedule, self.source, self.coupling) + suffix


_CATALOGUE = [
    *(Recipe(target, schedule) for target in TARGETS for schedule in ("linear", "cosine")),
    Recipe("moons", "quadratic"),
    Recipe("moons", "vp"),
    Recipe("moons", "linear", coupling="ot", batch=512),
    Recipe("eight-gaussians", "linear", coupling="ot", batch=512),
    Recipe("moons", "linear", source="eight-gaussians", n_hidden=256, iterations=8_000),
    Recipe("moons", "linear", source="eight-gaussians", coupling="ot", batch=512),
    Recipe("moons", "linear", relu_output=True),
]

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _CATALOGUE}
