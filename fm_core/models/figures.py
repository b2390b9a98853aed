"""What counts as a figure. A file may hold anything, so figures are checked once, where files are read."""

from collections.abc import Collection
from typing import Any

LARGEST = 1e30


def is_number(value: object, low: float = -LARGEST, high: float = LARGEST) -> bool:
    """Whether the value is a number from low to high; a flag, NaN and ±∞ are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def is_count(value: object) -> bool:
    """Whether the value is a whole number from 1 to a billion."""
    return isinstance(value, int) and is_number(value, 1, 10**9)


def is_figure(value: object, depth: int = 2) -> bool:
    """Whether the value is a number, None for one that is not defined, a text, or a shallow list or dict of such."""
    if isinstance(value, list | dict):
        entries = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(is_figure(entry, depth - 1) for entry in entries)
    return value is None or isinstance(value, str) or is_number(value)


def is_series(values: object, length: int, low: float = -LARGEST, optional: bool = False) -> bool:
    """Whether the values are a list of so many numbers from `low`; if `optional`, None may stand for any."""
    if not isinstance(values, list) or len(values) != length:
        return False
    return all(is_number(value, low) or (optional and value is None) for value in values)


def are_nfes(values: object, judged: Collection[int]) -> bool:
    """Whether the values are a list of rising numbers of evaluations, the judged ones among them."""
    if not isinstance(values, list) or len(values) > 100 or not all(is_count(value) for value in values):
        return False
    return sorted({*values}) == values and {*judged} <= {*values}


def has_facts(metadata: dict[str, Any]) -> bool:
    """Whether the facts that are shown beside the figures are there: iterations, seconds, and the hardware."""
    hardware = metadata.get("hardware")
    return (
        is_count(metadata.get("iterations"))
        and is_number(metadata.get("training_seconds"), 0, 1e9)
        and isinstance(hardware, dict)
        and isinstance(hardware.get("device"), str)
        and is_count(hardware.get("threads"))
    )


def is_curve(values: object) -> bool:
    """Whether the values are a learning curve: entries with an iteration, a loss and seconds."""
    keys = ("iteration", "loss", "seconds")
    return isinstance(values, list) and all(
        isinstance(entry, dict) and all(is_number(entry.get(key)) for key in keys) for entry in values
    )
