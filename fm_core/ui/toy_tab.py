"""The 2D tab: controls, presets, the player, and the one endpoint that answers them all."""

from functools import lru_cache, partial
from typing import Any

import gradio as gr

from fm_core import playground
from fm_core.playground import Library, Settings, SettingsError
from fm_core.ui import menus, wire
from fm_core.ui.address import TOY
from fm_core.ui.events import LIMITS, QUIET, busy, dice_js, settings_of, when_done
from fm_core.ui.player import Player
from fm_core.ui.presets import PRESETS

MENUS = ("schedule", "coupling", "velocity", "schedule_b", "coupling_b", "velocity_b")
FREE = ("particles", "seed", "steps", "solver", "steps_b", "solver_b")


def create_toy_tab(demo: gr.Blocks, library: Library) -> None:
    """Build the tab inside `demo`. The library is read only; everything a person chooses travels in the request."""
    with gr.Row(elem_classes="fm-presets"):
        gr.Markdown("Compare:")
        presets = [gr.Button(title, size="sm") for title in PRESETS]
    with gr.Row(elem_classes="fm-columns"):
        with gr.Column(scale=1, min_width=300, elem_classes="fm-controls"):
            controls, dice, side_b = _controls(library)
            note = gr.Markdown(elem_id="note")
        with gr.Column(scale=3, min_width=320, elem_classes="fm-main"):
            player = Player(elem_id="player")
    _connect(demo, library, controls, dice, presets, player, [side_b, note])


def _connect(
    demo: gr.Blocks,
    library: Library,
    controls: dict[str, Any],
    dice: gr.Button,
    presets: list[gr.Button],
    player: Player,
    surroundings: list[Any],
) -> None:
    """What happens on which event. `surroundings` are side B's box and the note, which follow the menus."""

    def trajectory(**values) -> dict:
        """Run one flow, or two on the same noise, and return the states and the statistics of every step."""
        return answer(library, values)

    def narrow(**values) -> list:
        return list(_menus(library, values).values())

    def from_address(request: gr.Request) -> list:
        return _reset(library, settings_of(TOY, request))

    run = {"fn": trajectory, "inputs_kwargs": controls, "outputs": player, **LIMITS, **QUIET}
    again = {**run, "api_visibility": "private"}
    hidden = {"api_visibility": "private", **QUIET}
    everything = {"outputs": [*controls.values(), *surroundings], **hidden}

    def simulated(event: Any) -> None:
        """After the event, run what the controls now say."""
        when_done("player", event.then(**again), failure_of=event)

    free = [control.input for name, control in controls.items() if name in FREE]
    narrowing = [controls[name].input for name in ("target", "source", "compare", *MENUS)]
    clicks = [button.click for button in (dice, *presets)]
    menus_of = {"outputs": [*(controls[name] for name in MENUS), *surroundings], **hidden}

    gr.on([*free, *narrowing, *clicks], None, js=busy("player"), api_visibility="private")
    when_done("player", gr.on(free, **run, api_name="trajectory"))
    simulated(gr.on(narrowing, narrow, inputs_kwargs=controls, **menus_of))
    simulated(dice.click(None, outputs=controls["seed"], js=dice_js(playground.SEEDS), api_visibility="private"))
    for button, settings in zip(presets, PRESETS.values(), strict=True):
        simulated(button.click(partial(_reset, library, settings), **everything))
    simulated(demo.load(from_address, **everything))


def _menus(library: Library, values: dict) -> dict[str, Any]:
    """Updates of the controls in `MENUS`, whose choices depend on others, and of side B's box and the note."""
    try:
        found = [menus.menu(library, values["target"], values["source"], side) for side in TOY.both_sides(values)]
    except SettingsError as error:
        raise gr.Error(str(error), print_exception=False) from None
    updates = {}
    for suffix, menu in zip(("", "_b"), found, strict=True):
        updates[f"schedule{suffix}"] = gr.update(value=menu.side.schedule, choices=menu.schedules)
        updates[f"coupling{suffix}"] = gr.update(value=menu.side.coupling, choices=menu.couplings)
        updates[f"velocity{suffix}"] = gr.update(value=menu.side.velocity, choices=menu.velocities)
    shown = found if values["compare"] else found[:1]
    missing = dict.fromkeys(name for menu in shown for name in menu.missing)
    return {**updates, "box": gr.update(visible=values["compare"]), "note": library.why_missing(list(missing))}


def _reset(library: Library, settings: Settings) -> list:
    """Updates of all controls in the order of `TOY.names`, of side B's box and of the note, to show these settings."""
    values = TOY.flatten(settings)
    menus_ = _menus(library, values)
    updates = {name: gr.update(value=value) for name, value in values.items()}
    return list((updates | menus_).values())


def answer(library: Library, values: dict) -> dict:
    """The player's value for these arguments; a sentence for the person, as gr.Error, if they cannot be run."""
    try:
        return encoded(library, TOY.unflatten(values))
    except SettingsError as error:
        raise gr.Error(str(error), print_exception=False) from None


@lru_cache(maxsize=8)
def encoded(library: Library, settings: Settings) -> dict:
    """The run as the player receives it: the settings decide it, the seed included, so the last few are kept.

    Gradio's menus report each choice twice, and every visitor opens the page on the same run: the repetition costs
    nothing here, and the page sees an equal value and draws nothing anew. An entry takes at most 11 MB.
    """
    return wire.encode(settings, playground.simulate(library, settings), TOY.to_query(settings))


def _controls(library: Library) -> tuple[dict[str, Any], gr.Button, gr.Accordion]:
    """All controls by argument name in the order of `TOY.names`, the dice button, and the box of side B."""
    controls: dict[str, Any] = {}

    def menu(name: str, label: str, choices: menus.Choices) -> None:
        available = [choice for _, choice in choices]
        value = TOY.defaults[name] if TOY.defaults[name] in available else available[0]
        controls[name] = gr.Dropdown(choices, value=value, label=label, elem_id=name, min_width=100)

    def slider(name: str, label: str, limits: tuple[int, int], step: int = 1) -> None:
        controls[name] = gr.Slider(*limits, value=TOY.defaults[name], step=step, label=label, elem_id=name, precision=0)

    with gr.Row():
        menu("target", "Data set", menus.TARGET_CHOICES)
        menu("source", "Source", menus.SOURCE_CHOICES)
    slider("particles", "Particles", playground.PARTICLES, step=100)
    with gr.Row(elem_classes="fm-seed"):
        limits = dict(zip(("minimum", "maximum"), playground.SEEDS, strict=True))
        controls["seed"] = gr.Number(0, label="Seed", precision=0, elem_id="seed", min_width=120, **limits)
        dice = gr.Button("New noise", icon=menus.DIE, size="sm", min_width=90, elem_id="dice")
    controls["compare"] = gr.Checkbox(False, label="Compare two runs on the same noise", elem_id="compare")
    for suffix, title in (("", "Run A"), ("_b", "Run B")):
        with gr.Accordion(title, visible=not suffix, elem_id=f"side{suffix}", elem_classes="fm-side") as box:
            choices = menus.menu(library, TOY.defaults["target"], TOY.defaults["source"], playground.Side())
            slider(f"steps{suffix}", "Steps", playground.STEPS)
            with gr.Row():
                menu(f"schedule{suffix}", "Schedule", choices.schedules)
                menu(f"solver{suffix}", "Solver", menus.SOLVER_CHOICES)
            with gr.Row():
                menu(f"velocity{suffix}", "Velocity", choices.velocities)
                menu(f"coupling{suffix}", "Coupling", choices.couplings)
    return {name: controls[name] for name in TOY.names}, dice, box
