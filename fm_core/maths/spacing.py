"""How the times of a run's states are spaced. To add a spacing, add an entry to `SPACINGS`."""

from collections.abc import Callable
from dataclasses import dataclass

POWER = 1.6


@dataclass(frozen=True)
class Spacing:
    """The k-th of N steps ends at the time `warp`(k / N), which leads from exactly 0 to exactly 1; see `formula`."""

    name: str
    title: str
    formula: str
    warp: Callable[[float], float]


EQUAL = Spacing("equal", "equal", "tₖ = k/N", lambda s: s)
SHORT_FIRST = Spacing("short-first", "short first", f"tₖ = (k/N)^{POWER}", lambda s: s**POWER)
SHORT_LAST = Spacing("short-last", "short last", f"tₖ = 1 − (1 − k/N)^{POWER}", lambda s: 1 - (1 - s) ** POWER)
SPACINGS = {spacing.name: spacing for spacing in (EQUAL, SHORT_FIRST, SHORT_LAST)}


def time_grid(steps: int, spacing: Spacing = EQUAL) -> list[float]:
    """The steps + 1 times of a run, from exactly 0 to exactly 1.

    >>> time_grid(4)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return [spacing.warp(k / steps) for k in range(steps + 1)]
