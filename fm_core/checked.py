"""The base of settings: dataclasses whose fields are checked."""

from collections.abc import Collection
from dataclasses import field, fields
from functools import partial
from typing import Any

from fm_core.refusals import decimal, number, one_of, whole


class Checked:
    """Base of frozen dataclasses whose fields have a `check`. Raises SettingsError for a value that fails it."""

    def __post_init__(self):
        for entry in fields(self):  # pyright: ignore[reportArgumentType]
            if check := entry.metadata.get("check"):
                object.__setattr__(self, entry.name, check(entry.name, getattr(self, entry.name)))


def choice_of(choices: Collection[Any], default: Any) -> Any:
    return field(default=default, metadata={"check": partial(one_of, choices=choices)})


def whole_in(limits: tuple[int, int], default: int) -> Any:
    return field(default=default, metadata={"check": partial(whole, limits=limits)})


def decimal_in(limits: tuple[float, float], step: float, default: float) -> Any:
    return field(default=default, metadata={"check": partial(decimal, limits=limits, step=step)})


def number_in(limits: tuple[float, float], default: float) -> Any:
    return field(default=default, metadata={"check": partial(number, limits=limits)})
