"""The flat form of a tab's settings: arguments of the API, parameters of the page's address."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cached_property
from typing import Any

from fm_core.image_playground import DigitSettings, ImageSide, TranslateSettings
from fm_core.playground import Settings, Side
from fm_core.requests import SettingsError


class Form:
    """Settings with one or two sides, as flat arguments: the shared ones, `compare`, side A's, and side B's with `_b`.

    `default` has both sides, the second being what B is until it is chosen; `fixed` are further parameters of
    the address, such as the tab.
    """

    def __init__(self, default: Any, fixed: Mapping[str, str] | None = None):
        self.default, self.fixed = default, dict(fixed or {})
        self.kind, self.side = type(default), type(default.sides[0])
        self.shared = tuple(f.name for f in fields(default) if f.name != "sides")
        self.per_side = tuple(f.name for f in fields(self.side))
        self.names = (*self.shared, "compare", *self.per_side, *(f"{name}_b" for name in self.per_side))

    def flatten(self, settings: Any) -> dict[str, Any]:
        """All arguments by name, in the order of `names`."""
        first = settings.sides[0]
        second = settings.sides[1] if len(settings.sides) > 1 else self.default.sides[1]
        return {
            **{name: getattr(settings, name) for name in self.shared},
            "compare": len(settings.sides) > 1,
            **asdict(first),
            **{f"{name}_b": value for name, value in asdict(second).items()},
        }

    @cached_property
    def defaults(self) -> dict[str, Any]:
        return self.flatten(self.default) | {"compare": False}

    def unflatten(self, values: Mapping[str, Any]) -> Any:
        """Settings from all or some of the arguments; the rest are defaults. Raises SettingsError."""
        unknown = [name for name in values if name not in self.names]
        if unknown:
            raise SettingsError(f"There is no setting {unknown[0]!r:.80}; the settings are {', '.join(self.names)}.")
        values = {**self.defaults, **values}
        if not isinstance(values["compare"], bool):
            raise SettingsError(f"compare must be true or false, not {values['compare']!r:.80}.")
        shared = {name: values[name] for name in self.shared}
        return self.kind(**shared, sides=self.both_sides(values) if values["compare"] else (self._side(values, ""),))

    def both_sides(self, values: Mapping[str, Any]) -> tuple[Any, Any]:
        """Sides A and B of the arguments, whether or not B is compared. Raises SettingsError."""
        return self._side(values, ""), self._side(values, "_b")

    def _side(self, values: Mapping[str, Any], suffix: str) -> Any:
        return self.side(**{name: values[f"{name}{suffix}"] for name in self.per_side})

    def to_query(self, settings: Any) -> dict[str, object]:
        """The parameters of the address: every argument that is not the default, numbers and booleans as text."""
        changed = {name: value for name, value in self.flatten(settings).items() if value != self.defaults[name]}
        return {**self.fixed, **{name: _text(value) for name, value in changed.items()}}

    def from_query(self, query: Mapping[str, str]) -> Any:
        """Settings from an address. Raises SettingsError; parameters with a leading __ are Gradio's and skipped.

        An address of another tab says nothing of this one's settings.
        """
        if query.get("tab") != self.fixed.get("tab"):
            return self.unflatten({})
        own = {name: text for name, text in query.items() if not name.startswith("__") and name not in self.fixed}
        return self.unflatten({name: self._parse(name, text) for name, text in own.items()})

    def _parse(self, name: str, text: str) -> object:
        default = self.defaults.get(name)
        if isinstance(default, bool):
            return {"0": False, "1": True}.get(text, text)
        if isinstance(default, int):
            try:
                return int(text)
            except ValueError:
                return text
        return text


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


TOY = Form(Settings(sides=(Side(), Side(schedule="cosine"))))
DIGITS = Form(DigitSettings(sides=(ImageSide(), ImageSide(schedule="cosine"))), {"tab": "digits"})
TRANSLATE = Form(TranslateSettings(sides=(ImageSide(), ImageSide(schedule="cosine"))), {"tab": "translate"})
