"""How much work a request may ask for, and about how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from fm_core.maths.solvers import SOLVERS
from fm_core.refusals import SettingsError

WINDOWED = 9  # evaluations of a network take about as long as one with a window, and 0.3 as long as one of the whole


class Costly:
    """Base of the settings of a run."""

    steps: int
    solver: str

    @property
    def cost(self) -> float:
        """The mean time of an evaluation, in those of the network's."""
        return 1


@dataclass(frozen=True)
class Budget:
    """How many evaluations of networks for one sample a request may take, and about how many seconds each takes."""

    most: int
    seconds: float
    samples: str
    patience: float  # of the line: a slider over points is dragged, and images are waited for

    def check(self, samples: int, sides: Sequence[Costly]) -> None:
        """Raises SettingsError."""
        if (count := evaluations(samples, sides)) > self.most:
            windowed = f", of which one with a window counts as {WINDOWED}" * any(side.cost > 1 for side in sides)
            raise SettingsError(
                f"This takes {count:,} evaluations, {self.samples} times evaluations of each run{windowed}; at most "
                f"{self.most:,} are made at once, so choose fewer steps or {self.samples}."
            )

    def expected(self, samples: int, sides: Sequence[Costly]) -> float:
        """Seconds."""
        return 0.05 + self.seconds * evaluations(samples, sides)


def evaluations(samples: int, sides: Sequence[Costly]) -> int:
    """Evaluations of a velocity for one sample, in all sides, in those of a network."""
    return round(samples * sum(side.cost * side.steps * SOLVERS[side.solver].evaluations for side in sides))
