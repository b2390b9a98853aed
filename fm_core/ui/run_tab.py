"""The events of a tab with a player: it shows what its address says, and always ends at the newest run asked for.

Only the browser knows the order of asking. Whatever asks for a run increments `asked` on the player's element and tells
the player, which makes one call at a time, with the values of all controls at that moment (asks.js). During a call, the
player reports the newest ask, so that the server abandons a superseded run before its next step. Controls change in the
browser; an answer's updates of them (their choices, say) are applied only if nothing newer was asked. What is refused
comes back as a sentence, which the player shows.
"""

import functools
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from fm_core.maths.flow import SEEDS, Check, always
from fm_core.playground import Library
from fm_core.refusals import Refusal
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.player import Player

HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
LIMITS: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "run"}
REFUSE = """for (const detail of news?.refused ?? []) root?.dispatchEvent(new CustomEvent("refused", { detail }));"""
COUNT = "root.dataset.asked = Number(root.dataset.asked ?? 0) + 1;"
Values = dict[str, Any]  # of the inputs, by name


@dataclass(frozen=True)
class Question:
    """A run to compute, and the check of the call that waits for it, which does not matter for equality."""

    library: Library
    settings: Any
    check: Check = field(default=always, compare=False)


class Superseded(Exception):
    """Nobody waits for this run any more."""


def note(event: gr.EventData, newest: list[int]) -> None:
    """Record in `newest`, a number in the visitor's session, that something newer was asked."""
    newest[0] = max(newest[0], event.ticket)


def in_a_sentence(action: Callable) -> Callable:
    """The action, which shows the person what it refuses."""

    @functools.wraps(action)
    def told(*arguments, **keywords):
        try:
            return action(*arguments, **keywords)
        except Refusal as refusal:
            raise gr.Error(_html(refusal), print_exception=False) from None

    return told


def _html(refusal: Refusal) -> str:
    return html.escape(str(refusal), quote=False)  # Gradio renders messages as HTML


class RunTab:
    """The events of a tab with a player.

    `answer(values, check)` computes a run, calling `check` before every step. `settle(values)` replaces values that do
    not exist, and returns the updates of controls and `notes`. `export(values, kind)` is a file of the run: its name
    and contents. `sources` are inputs with events of their own.
    """

    def __init__(
        self,
        player: Player,
        controls: Controls,
        answer: Callable[[Values, Check], Updates],
        settle: Callable[[Values], tuple[Values, Updates]],
        export: Callable[[Values, str], dict[str, str]],
        notes: Sequence[Any] = (),
        sources: Mapping[str, Any] = MappingProxyType({}),
    ):
        self.player, self.controls, self.settle = player, controls, settle
        self.inputs = {**sources, **controls.by_name}
        self.shown = [*self.inputs.values(), *controls.compared, *notes]
        self.root = f"document.querySelector('#{player.elem_id} .fm-player')"
        self.news = gr.JSON(visible=False)  # pending updates of `shown`, by component number, and what was refused
        self._answer(answer)
        self._restore()
        self._save(export)
        self.set_on(controls.dice.click, controls.made["seed"], f"() => Math.floor(Math.random() * {SEEDS[1] + 1})")
        appear, box = "(visible) => Array(2).fill({__type__: 'update', visible})", controls.made["compare"]
        box.input(None, box, controls.compared, js=appear, **HIDDEN)
        asking = [control.input for name, control in controls.by_name.items() if name not in sources]
        gr.on(asking, None, list(self.inputs.values()), js=self._ask(), **HIDDEN)

    def publish(self, endpoint: Callable, name: str, outputs: Any, **inputs: Any) -> None:
        """Offer the endpoint to other programs; the page does not call it."""
        self.player.api(in_a_sentence(endpoint), outputs=outputs, api_name=name, **inputs, **LIMITS)

    def set_on(self, event: Callable, outputs: Any, script: str, inputs: Any = None) -> None:
        """On this event set `outputs` to the result of a JavaScript function of the inputs, which sees the player's
        element as `root`; then ask for a run.
        """
        counted = f"(...values) => {{ const root = {self.root}; {COUNT} return ({script})(...values); }}"
        self.ask_after(event(None, inputs, outputs, js=counted, **HIDDEN))

    def ask_after(self, event: Any, always: str = "false") -> None:
        """Ask for a run once the event is handled."""
        event.then(None, list(self.inputs.values()), js=self._ask(always), **HIDDEN)

    def show_on(self, event: Callable, settings: Any) -> None:
        """On this event show these settings, without a call to the server; then ask for a run."""
        updates = json.dumps(self._by_number(self._showing(settings)))
        begin = "root.dataset.push = 'yes'; root.before = null;"
        self.set_on(event, self.shown, f"() => {{ {begin} return {self._in_order(updates)}; }}")

    def _answer(self, answer: Callable[[Values, Check], Updates]) -> None:
        newest = gr.State([0])

        def run(event: gr.EventData, newest: list[int], *given) -> Updates:
            def check() -> None:
                if newest[0] > event.ticket:
                    raise Superseded

            try:
                check()
                values, updates = self.settle(dict(zip(self.inputs, given, strict=True)))
                return {self.news: self._by_number(updates), **answer(values, check)}
            except Superseded:
                return {self.news: {}}
            except Refusal as refusal:
                return {self.news: {"refused": [str(refusal)]}}

        settled = f"() => {self.root}?.dispatchEvent(new Event('settled'))"
        inputs, outputs = [newest, *self.inputs.values()], [self.player, self.news]
        once = {"preprocess": False, "trigger_mode": "multiple", **LIMITS, **HIDDEN}
        called = self.player.run(run, inputs, outputs, **once)
        self._apply_news(called).then(None, js=settled, **HIDDEN)
        called.failure(None, js=f"() => {self.root}?.dispatchEvent(new Event('failed'))", **HIDDEN)
        self.player.stop(note, newest, queue=False, trigger_mode="multiple", **HIDDEN)

    def _restore(self) -> None:
        """When the player asks for it, show the settings of an address, and ask for their run.

        What a person changes meanwhile stays: `before` has the values of the inputs as they were.
        """

        def restore(event: gr.EventData, *_) -> dict:
            settings, refusals = self.controls.form.from_query(dict(parse_qsl(event.query)))
            news = self._by_number(self._showing(settings))
            named = ["The rest of the address is shown.", *map(str, refusals)]
            return news | ({"refused": [" ".join(named)]} if refusals else {})

        inputs, unchanged = list(self.inputs.values()), "{__type__: 'update'}"
        begin = f"(...values) => {{ {self.root}.before = values; return values; }}"
        once = {"queue": False, "trigger_mode": "multiple", **HIDDEN}
        restored = self.player.restore(restore, inputs, self.news, js=begin, preprocess=False, **once)
        same = "(value, k) => before && JSON.stringify(value) === JSON.stringify(before[k])"
        script = f"""(news, ...values) => {{ const root = {self.root}, before = root.before, kept = values.map({same});
          {REFUSE} return {self._in_order("news")}.map((update, k) => (kept[k] ?? before) ? update : {unchanged}); }}"""
        self.ask_after(restored.then(None, [self.news, *inputs], self.shown, js=script, **HIDDEN), "true")
        restored.failure(None, inputs, js=self._ask("true"), **HIDDEN)

    def _save(self, export: Callable[[Values, str], dict[str, str]]) -> None:
        """When the player asks for it, make a file of the run that the controls describe."""

        def save(event: gr.EventData, *given) -> dict[str, str]:
            values, _ = self.settle(dict(zip(self.inputs, given, strict=True)))
            return export(values, event.kind)

        file, inputs = gr.JSON(visible=False), list(self.inputs.values())
        saved = self.player.save(in_a_sentence(save), inputs, file, preprocess=False, **LIMITS, **HIDDEN)
        place = f"{self.root}.querySelector('.fm-save')"
        deliver = f"(detail) => {{ {place}.dispatchEvent(new CustomEvent('file', {{ detail }})); }}"
        saved.success(None, file, js=deliver, **HIDDEN)
        none = '{ name: "", refusal: "The server could not make this file." }'
        saved.failure(None, js=f"() => ({deliver})({none})", **HIDDEN)

    def _showing(self, settings: Any) -> Updates:
        wishes = self.controls.form.flatten(settings)
        shown, settled = self.controls.updates(wishes), self.settle(wishes)[1]
        return {part: shown.get(part, {}) | settled.get(part, {}) for part in [*shown, *settled]}

    def _ask(self, always: str = "false") -> str:
        """JavaScript that asks for a run, once for a choice that is reported twice."""
        return f"""(...values) => {{ const root = {self.root}, key = JSON.stringify(values);
          const again = root.getAttribute("aria-busy") === "true" && root.fmKey === key;
          if (!{always} && again) return;
          root.fmKey = key; {COUNT} root.dispatchEvent(new Event("ask")); }}"""

    def _apply_news(self, event: Any) -> Any:
        """After the event, apply its updates, unless something newer was asked."""
        script = f"""(news) => {{ const root = {self.root}, {{ asked, started }} = root?.dataset ?? {{}};
          {REFUSE} const updates = asked === started && news || {{}}; return {self._in_order("updates")}; }}"""
        return event.then(None, self.news, self.shown, js=script, **HIDDEN)

    def _in_order(self, updates: str) -> str:
        """JavaScript that lists updates by component number in the order of `shown`."""
        return f"{[c._id for c in self.shown]}.map((number) => ({updates})[number] ?? {{__type__: 'update'}})"

    def _by_number(self, updates: Updates) -> dict[str, dict]:
        return {str(component._id): update for component, update in updates.items()}
