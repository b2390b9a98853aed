"""Refusals: one sentence says what was wrong and what is accepted."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np

Entry = TypeVar("Entry")
_NUMBERS = (int, float, np.integer, np.floating)
_ROUNDING = 1e-9


class Refusal(ValueError):
    """A request that cannot be met. Its message is a sentence for the person who asked."""


class SettingsError(Refusal):
    """Settings that cannot be run."""


def one_of(what: str, value: Any, choices: Collection[Any]) -> Any:
    """The choice (a string or number) that the value is, perhaps as text. Raises SettingsError.

    >>> one_of("images", "16", [16, 36])
    16
    """
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        for choice in choices:
            if value in (choice, str(choice)):
                return choice
    raise SettingsError(f"{what} must be one of {', '.join(map(str, choices))}, not {value!r:.80}.")


def entry(what: str, name: object, registry: Mapping[str, Entry]) -> Entry:
    """The registry's entry of this name. Raises SettingsError for an unknown name."""
    return registry[one_of(what, name, registry)]


def decimal(what: str, value: object, limits: tuple[float, float], step: float) -> float:
    """The value as a float, if it is a multiple of the step within the inclusive limits, else SettingsError.

    >>> decimal("a", 0.1 + 0.2, (0, 1), 0.1)
    0.3
    """
    low, high = limits
    if not isinstance(value, bool) and isinstance(value, _NUMBERS) and low <= value <= high:
        nearest = round(round(value / step) * step, 9)
        if abs(nearest - value) < _ROUNDING:
            return nearest
    raise SettingsError(f"{what} must be a number from {low:g} to {high:g} in steps of {step:g}, not {value!r:.80}.")


def whole(what: str, value: object, limits: tuple[int, int]) -> int:
    """The value as an int, if it is whole (50.0 too, True not) and within the inclusive limits, else SettingsError."""
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, _NUMBERS) or not low <= value <= high or value % 1:
        raise SettingsError(f"{what} must be a whole number from {low} to {high}, not {value!r:.80}.")
    return int(value)


def number(what: str, value: object, limits: tuple[float, float]) -> float:
    """The value as a float, if it is a number (True is none) within the inclusive limits, else SettingsError."""
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, _NUMBERS) or not low <= value <= high:
        raise SettingsError(f"{what} must be a number from {low} to {high}, not {value!r:.80}.")
    return float(value)
