"""The flat form of the settings: arguments of the API, parameters of the page's address."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from fm_core.playground import Settings, SettingsError, Side

SHARED = ("target", "source", "particles", "seed")
SIDE = tuple(f.name for f in fields(Side))
NAMES = (*SHARED, "compare", *SIDE, *(f"{name}_b" for name in SIDE))
_COSINE = Side(schedule="cosine")


def flatten(settings: Settings) -> dict[str, Any]:
    """All arguments by name, in the order of `NAMES`; side B is the cosine schedule if there is only one side."""
    first, second = settings.sides[0], settings.sides[1] if len(settings.sides) > 1 else _COSINE
    return {
        **{name: getattr(settings, name) for name in SHARED},
        "compare": len(settings.sides) > 1,
        **asdict(first),
        **{f"{name}_b": value for name, value in asdict(second).items()},
    }


DEFAULTS = flatten(Settings())
_SIDE_B = {name: value for name, value in DEFAULTS.items() if name.endswith("_b")}


def unflatten(values: Mapping[str, Any]) -> Settings:
    """Settings from all or some of the arguments; the rest are defaults. Raises SettingsError."""
    unknown = [name for name in values if name not in NAMES]
    if unknown:
        raise SettingsError(f"There is no setting {unknown[0]!r:.80}; the settings are {', '.join(NAMES)}.")
    values = {**DEFAULTS, **values}
    if not isinstance(values["compare"], bool):
        raise SettingsError(f"compare must be true or false, not {values['compare']!r:.80}.")
    shared = {name: values[name] for name in SHARED}
    sides = both_sides(values) if values["compare"] else both_sides({**values, **_SIDE_B})[:1]
    return Settings(**shared, sides=sides)


def both_sides(values: Mapping[str, Any]) -> tuple[Side, Side]:
    """Sides A and B of the arguments, whether or not B is compared. Raises SettingsError."""
    first, second = ({name: values[f"{name}{suffix}"] for name in SIDE} for suffix in ("", "_b"))
    return Side(**first), Side(**second)


def to_query(settings: Settings) -> dict[str, object]:
    """The parameters of the address: every argument that is not the default, numbers and booleans as text."""
    return {name: _text(value) for name, value in flatten(settings).items() if value != DEFAULTS[name]}


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def from_query(query: Mapping[str, str]) -> Settings:
    """Settings from an address. Raises SettingsError; parameters with a leading __ are Gradio's and skipped."""
    return unflatten({name: _parse(name, text) for name, text in query.items() if not name.startswith("__")})


def _parse(name: str, text: str) -> object:
    default = DEFAULTS.get(name)
    if isinstance(default, bool):
        return {"0": False, "1": True}.get(text, text)
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            return text
    return text
