"""The flat form of a tab's settings: arguments of the API and parameters of the page's address."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cached_property
from typing import Any

from fm_core.image_settings import DigitSettings, DigitSide, TranslateSettings, TranslateSide
from fm_core.refusals import SettingsError, whole
from fm_core.settings import Field, PairSettings, PairSide, ProbeSettings, Settings, Side


class Form:
    """Settings as flat arguments: the shared ones, `compare`, side A's, and side B's with suffix `_b`.

    `default` has both sides; `fixed` are further parameters of the address, such as the tab.
    """

    def __init__(self, default: Any, fixed: Mapping[str, str] | None = None):
        self.default, self.fixed = default, dict(fixed or {})
        self.kind, self.side = type(default), type(default.sides[0])
        self.shared = tuple(f.name for f in fields(default) if f.name != "sides")
        self.per_side = tuple(f.name for f in fields(self.side))
        self.names = (*self.shared, "compare", *self.per_side, *(f"{name}_b" for name in self.per_side))

    def flatten(self, settings: Any) -> dict[str, Any]:
        """All arguments by name, in the order of `names`."""
        shared = {name: getattr(settings, name) for name in self.shared}
        first, second = map(asdict, (*settings.sides, self.default.sides[1])[:2])
        second = {f"{name}_b": value for name, value in second.items()}
        return {**shared, "compare": len(settings.sides) > 1, **first, **second}

    def accepted(self, name: str) -> str:
        """What an argument may be, in words."""
        if name == "compare":
            return "true for a second run, whose arguments end in _b"
        kind = self.kind if name in self.shared else self.side
        check = {field.name: field for field in fields(kind)}[name.removesuffix("_b")].metadata["check"]
        if "limits" in check.keywords:
            least, most = check.keywords["limits"]
            step = f" in steps of {check.keywords['step']}" if "step" in check.keywords else ""
            return f"a {'whole ' if check.func is whole else ''}number from {least} to {most}{step}"
        return f"one of {', '.join(map(str, check.keywords['choices']))}"

    @cached_property
    def defaults(self) -> dict[str, Any]:
        return self.flatten(self.default) | {"compare": False}

    def unflatten(self, values: Mapping[str, Any]) -> Any:
        """Settings from some of the arguments, and defaults for the rest. Raises SettingsError."""
        unknown = [name for name in values if name not in self.names]
        if unknown:
            raise SettingsError(f"There is no setting {unknown[0]!r:.80}; the settings are {', '.join(self.names)}.")
        values = {**self.defaults, **values}
        return self.kind(**{name: values[name] for name in self.shared}, sides=tuple(self.sides(values).values()))

    def sides(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Side A, and side B if compared, by the suffixes of their arguments. Raises SettingsError."""
        if not isinstance(values["compare"], bool):
            raise SettingsError(f"compare must be true or false, not {values['compare']!r:.80}.")
        suffixes = ("", "_b") if values["compare"] else ("",)
        return {end: self.side(**{name: values[f"{name}{end}"] for name in self.per_side}) for end in suffixes}

    def to_query(self, settings: Any) -> dict[str, object]:
        """The parameters of the address: every argument that is not the default, as text, booleans as 0 or 1."""
        changed = {name: value for name, value in self.flatten(settings).items() if value != self.defaults[name]}
        return {**self.fixed, **{name: str(int(v) if isinstance(v, bool) else v) for name, v in changed.items()}}

    def from_query(self, query: Mapping[str, str]) -> tuple[Any, list[SettingsError]]:
        """The settings of an address, and a refusal for each value that cannot be, and for values that cannot be
        together, of which the last ones are left out. Other parameters are ignored.
        """
        values, refusals = {}, []
        for name in filter(query.__contains__, self.names):
            value = self._parse(name, query[name])
            try:
                self.unflatten({name: value, "compare": True} if name != "compare" else {name: value})
                values[name] = value
            except SettingsError as refusal:
                refusals.append(refusal)
        settings, refused = self._together(values)
        return settings, refusals + refused

    def _together(self, values: dict[str, Any]) -> tuple[Any, list[SettingsError]]:
        try:
            return self.unflatten(values), []
        except SettingsError as refusal:
            fewer = dict(list(values.items())[:-1])
            return self._together(fewer)[0], [refusal]

    def _parse(self, name: str, text: str) -> object:
        default = self.defaults.get(name)
        if isinstance(default, bool):
            return {"0": False, "1": True}.get(text, text)
        try:
            return type(default)(text) if isinstance(default, int | float) else text
        except ValueError:
            return text


POINTS = Form(Settings(sides=(Side(), Side(schedule="cosine"))))
PAIRS = Form(PairSettings(sides=(PairSide(), PairSide(schedule="cosine"))), {"tab": "pairs"})
PROBE = Form(ProbeSettings(sides=(Field(), Field(schedule="cosine"))))
DIGITS = Form(DigitSettings(sides=(DigitSide(), DigitSide(schedule="cosine"))), {"tab": "digits"})
TRANSLATE = Form(TranslateSettings(sides=(TranslateSide(), TranslateSide(schedule="cosine"))), {"tab": "translate"})
