"""The events of a tab with a player: it shows what its address says, and always ends at the newest run asked for.

Only the browser knows the order of asking. Whatever asks for a run increments `asked` on the player's element and tells
the player, which makes one call at a time, with the values of all controls at that moment (asks.js), and ends a call
that is superseded, which the server notices. Controls change in the browser; an answer's updates of them (of choices,
say) are applied only if nothing newer was asked. What is refused comes back as a sentence, which the player shows.
"""

import functools
import html
import json
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
from gradio.events import api

from fm_core.line import Work
from fm_core.maths.flow import SEEDS
from fm_core.refusals import Refusal
from fm_core.ui.controls import Controls, Updates
from fm_core.ui.form import Form
from fm_core.ui.player import Player
from fm_core.ui.service import Answers, Service, Values
from fm_core.ui.wire import joined

HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
PROGRAMS: dict[str, Any] = {"concurrency_limit": 16, "concurrency_id": "programs"}  # who wait in the service's line
REFUSE = """for (const detail of news?.refused ?? []) root?.dispatchEvent(new CustomEvent("refused", { detail }));"""
COUNT = "root.dataset.asked = Number(root.dataset.asked ?? 0) + 1;"


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

    `settle(values)` replaces values that do not exist, and returns the updates of controls and `notes`; `work(values)`
    is the run of settled values, whose result is packets, and `export(values, kind)` a file of it. `sources` are inputs
    with events of their own.
    """

    def __init__(
        self,
        service: Service,
        player: Player,
        controls: Controls,
        work: Callable[[Values], Work],
        settle: Callable[[Values], tuple[Values, Updates]],
        export: Callable[[Values, str], Work],
        notes: Sequence[Any] = (),
        sources: Mapping[str, Any] = MappingProxyType({}),
    ):
        self.service, self.player, self.controls, self.settle = service, player, controls, settle
        self.inputs = {**sources, **controls.by_name}
        self.shown = [*self.inputs.values(), *controls.compared, *notes]
        self.root = f"document.querySelector('#{player.elem_id} .fm-player')"
        service.tabs[controls.tab] = Answers(tuple(self.inputs), self._settled, work, export)
        self._connect()
        self._restore()
        self.set_on(controls.dice.click, controls.made["seed"], f"() => Math.floor(Math.random() * {SEEDS[1] + 1})")
        appear, box = "(visible) => Array(2).fill({__type__: 'update', visible})", controls.made["compare"]
        box.input(None, box, controls.compared, js=appear, **HIDDEN)
        asking = [control.input for name, control in controls.by_name.items() if name not in sources]
        gr.on(asking, None, list(self.inputs.values()), js=self._ask(), **HIDDEN)

    def publish(self, name: str, work: Callable[[Values], Work], description: str, **inputs: Any) -> None:
        """Offer runs to other programs; the page does not call it."""

        def run(request: gr.Request, **values) -> dict:
            return packet_of(self.service, work(values), request)

        run.__name__ = name  # as a tool of an MCP server
        describe(run, description, {name: self.controls.form.accepted(name) for name in self.controls.by_name})
        self.player.api(in_a_sentence(run), outputs=self.player, api_name=name, preprocess=False, **inputs, **PROGRAMS)

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
        updates = json.dumps(_by_number(self._showing(settings)))
        begin = "root.dataset.push = 'yes'; root.before = null;"
        self.set_on(event, self.shown, f"() => {{ {begin} return {self._in_order(updates)}; }}")

    def _settled(self, values: Values) -> tuple[Values, dict[str, Any]]:
        settled, updates = self.settle(values)
        return settled, _by_number(updates)

    def _connect(self) -> None:
        """Tell the player the values of the inputs when it wants them, and show an answer's updates."""
        names = json.dumps(list(self.inputs))
        named = f"Object.fromEntries({names}.map((name, k) => [name, values[k]]))"
        tell = f"(...values) => {{ {self.root}.dispatchEvent(new CustomEvent('values', {{ detail: {named} }})); }}"
        self.player.ask(None, list(self.inputs.values()), js=tell, trigger_mode="multiple", **HIDDEN)
        updates, end = (
            self._in_order(f"{self.root}.updates"),
            f"() => {{ {self.root}.dispatchEvent(new Event('applied')); }}",
        )
        applied = self.player.apply(None, None, self.shown, js=f"() => {updates}", trigger_mode="multiple", **HIDDEN)
        applied.then(None, js=end, **HIDDEN)

    def _restore(self) -> None:
        """When the player asks for it, show the settings of an address, and ask for their run.

        What a person changes meanwhile stays: `before` has the values of the inputs as they were.
        """

        def restore(event: gr.EventData, *_) -> dict:
            settings, refusals = self.controls.form.from_query(dict(parse_qsl(event.query)))
            news = _by_number(self._showing(settings))
            named = [*map(str, refusals), "The rest of the address is shown."]
            return news | ({"refused": [" ".join(named)]} if refusals else {})

        inputs, unchanged, news = list(self.inputs.values()), "{__type__: 'update'}", gr.JSON(visible=False)
        begin = f"(...values) => {{ {self.root}.before = values; return values; }}"
        once = {"queue": False, "trigger_mode": "multiple", **HIDDEN}
        restored = self.player.restore(in_a_sentence(restore), inputs, news, js=begin, preprocess=False, **once)
        same = "(value, k) => before && JSON.stringify(value) === JSON.stringify(before[k])"
        script = f"""(news, ...values) => {{ const root = {self.root}, before = root.before, kept = values.map({same});
          {REFUSE} return {self._in_order("news")}.map((update, k) => (kept[k] ?? before) ? update : {unchanged}); }}"""
        self.ask_after(restored.then(None, [news, *inputs], self.shown, js=script, **HIDDEN), "true")
        restored.failure(None, inputs, js=self._ask("true"), **HIDDEN)

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

    def _in_order(self, updates: str) -> str:
        """JavaScript that lists updates by component number in the order of `shown`."""
        return f"{[c._id for c in self.shown]}.map((number) => ({updates})[number] ?? {{__type__: 'update'}})"


def publish(service: Service, name: str, form: Form, work: Callable[[Values], Work], description: str) -> None:
    """Offer runs that no tab shows to other programs, with the arguments of the form."""

    def run(request: gr.Request, *values) -> dict:
        return packet_of(service, work(dict(zip(form.names, values, strict=True))), request)

    run.__name__ = name
    describe(run, description, {argument: form.accepted(argument) for argument in form.names}, form.defaults)
    api(in_a_sentence(run), api_name=name, **PROGRAMS)


def describe(
    endpoint: Callable, description: str, arguments: Mapping[str, str], defaults: Mapping[str, Any] | None = None
) -> None:
    """Give a function of a request and keywords the docstring and the signature that Gradio describes it by.

    With defaults its arguments are positional and have their types, as `gr.api` wants them.
    """
    lines = [f"    {name}: {words}" for name, words in arguments.items()]
    endpoint.__doc__ = "\n".join([description, "", "Args:", *lines])
    named = [Parameter(name, Parameter.KEYWORD_ONLY) for name in arguments]
    if defaults is not None:
        endpoint.__annotations__ |= {name: type(value) for name, value in defaults.items()}
        named = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=defaults[name]) for name in arguments]
    request = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    endpoint.__signature__ = Signature([request, *named], return_annotation=dict)  # pyright: ignore[reportFunctionMemberAccess]


def packet_of(service: Service, work: Work, request: gr.Request) -> dict:
    """The whole packet of a run, for a program. Raises a Refusal."""
    return joined(service.line.result(work, str(request.session_hash))).to_program()


def _by_number(updates: Updates) -> dict[str, dict]:
    return {str(component._id): update for component, update in updates.items()}
