"""Which choices exist for a data set, and which flows are missing. No Gradio here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS
from fm_core.playground import Library
from fm_core.settings import VELOCITIES, Settings, Side

Choices = list[tuple[str, str]]


def _titles(registry: Mapping) -> Choices:
    return [(entry.title, name) for name, entry in registry.items()]


TARGET_CHOICES, SOURCE_CHOICES, SOLVER_CHOICES = _titles(TARGETS), _titles(SOURCES), _titles(SOLVERS)


@dataclass(frozen=True)
class Menu:
    """The menus of one side: the value and choices of each, by argument name, and the flows that are missing."""

    offers: dict[str, tuple[str, Choices]]
    missing: list[str]


def menu(library: Library, target: str, source: str, side: Side) -> Menu:
    """Offers every schedule (by the exact field if none was trained), and the couplings and velocities that exist.

    The side keeps its schedule; a coupling or velocity that does not exist with it is replaced by one that does.
    """

    def name(coupling: str, velocity: str, schedule: str = side.schedule) -> str:
        return Settings(target, source).flow_name(Side(schedule, coupling, velocity))

    def learned(schedule: str) -> bool:
        return any(name(coupling, "learned", schedule) in library.models for coupling in COUPLINGS)

    def velocities(coupling: str) -> list[str]:
        exact = {"exact"} if coupling == "independent" else set()
        return [v for v in VELOCITIES if v in exact or (v != "exact" and name(coupling, v) in library.models)]

    couplings = [coupling for coupling in COUPLINGS if velocities(coupling)]
    coupling = side.coupling if side.coupling in couplings else couplings[0]
    offered = velocities(coupling)
    velocity = side.velocity if side.velocity in offered else offered[0]
    missing = [name(c, "learned") for c in COUPLINGS if name(c, "learned") not in library.models]
    schedules = [(s if learned(s) else f"{s} (exact)", s) for s in SCHEDULES]
    offers = {
        "schedule": (side.schedule, schedules),
        "coupling": (coupling, [(COUPLINGS[c].title, c) for c in couplings]),
        "velocity": (velocity, [(VELOCITIES[v], v) for v in offered]),
    }
    return Menu(offers, missing)


def trained(values: Mapping[str, Any], schedules: list[str]) -> dict[str, Any]:
    """The values, with each schedule that is not trained replaced by the first that is."""
    return {
        name: schedules[0] if name.startswith("schedule") and value not in schedules else value
        for name, value in values.items()
    }
