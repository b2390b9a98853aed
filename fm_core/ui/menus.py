"""Which choices exist for a data set, and what the others would need. Pure functions, no Gradio."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fm_core.matching import COUPLINGS
from fm_core.playground import VELOCITIES, Library, Settings, Side
from fm_core.schedules import SCHEDULES
from fm_core.solvers import SOLVERS
from fm_core.toy import SOURCES, TARGETS

DIE = Path(__file__).parent / "die.svg"
Choices = list[tuple[str, str]]


def _titles(registry: Mapping) -> Choices:
    return [(entry.title, name) for name, entry in registry.items()]


TARGET_CHOICES, SOURCE_CHOICES, SOLVER_CHOICES = _titles(TARGETS), _titles(SOURCES), _titles(SOLVERS)


@dataclass(frozen=True)
class Menu:
    """The choices of one side, the side moved to the nearest that exists, and the flows that do not."""

    side: Side
    schedules: Choices
    couplings: Choices
    velocities: Choices
    missing: list[str]


def menu(library: Library, target: str, source: str, side: Side) -> Menu:
    """Every schedule can be shown, by the exact field if not learned; couplings and velocities only where they exist.

    `side` keeps its schedule; a coupling or a velocity that does not exist with it gives way to one that does.
    """

    def name(coupling: str, velocity: str, schedule: str = side.schedule) -> str:
        return Settings(target, source).flow_name(Side(schedule, coupling, velocity))

    def learned(schedule: str) -> bool:
        return any(name(coupling, "learned", schedule) in library.flows for coupling in COUPLINGS)

    def velocities(coupling: str) -> list[str]:
        exact = {"exact"} if coupling == "independent" else set()
        return [v for v in VELOCITIES if v in exact or (v != "exact" and name(coupling, v) in library.flows)]

    couplings = [coupling for coupling in COUPLINGS if velocities(coupling)]
    coupling = side.coupling if side.coupling in couplings else couplings[0]
    offered = velocities(coupling)
    velocity = side.velocity if side.velocity in offered else offered[0]
    missing = [name(c, "learned") for c in COUPLINGS if name(c, "learned") not in library.flows]
    return Menu(
        Side(side.schedule, coupling, velocity, side.steps, side.solver),
        [(s if learned(s) else f"{s} (exact)", s) for s in SCHEDULES],
        [(COUPLINGS[c].title, c) for c in couplings],
        [(VELOCITIES[v], v) for v in offered],
        missing,
    )
