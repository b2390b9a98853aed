"""Checks of what a person asks for, with one sentence for what is wrong."""

from collections.abc import Collection


class SettingsError(ValueError):
    """Settings that cannot be run. The message is one sentence for the person who chose them."""


def one_of(what: str, value: object, choices: Collection[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise SettingsError(f"{what} must be one of {', '.join(choices)}, not {value!r:.80}.")


def whole(what: str, value: object, limits: tuple[int, int]) -> int:
    """The value as an int; 50.0 counts as 50, True does not count as 1."""
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or value % 1:
        raise SettingsError(f"{what} must be a whole number from {low} to {high}, not {value!r:.80}.")
    return int(value)
