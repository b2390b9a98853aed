"""Recipes by the names of what they hold."""

from typing import Any

from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.points import PointRecipe


def point_recipe(
    target: str = "moons",
    schedule: str = "linear",
    source: str = STANDARD.name,
    coupling: str = "independent",
    **others: Any,
) -> PointRecipe:
    return PointRecipe(TARGETS[target], SCHEDULES[schedule], SOURCES[source], COUPLINGS[coupling], **others)
