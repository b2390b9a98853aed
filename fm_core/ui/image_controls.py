"""The controls of the two sides of an image run."""

from typing import Any

import gradio as gr

from fm_core import image_playground
from fm_core.ui.menus import DIE, SOLVER_CHOICES


def side_controls(controls: dict[str, Any], tab: str, schedules: list[str], defaults: dict[str, Any]) -> gr.Accordion:
    """Add the controls of both sides to `controls`, and return the box of side B."""
    defaults = with_trained(defaults, schedules)
    for suffix, title in (("", "Run A"), ("_b", "Run B")):
        classes = f"fm-side fm-side{suffix or '_a'}"
        with gr.Accordion(title, visible=not suffix, elem_id=f"{tab}-side{suffix}", elem_classes=classes) as box:
            controls[f"steps{suffix}"] = gr.Slider(
                *image_playground.STEPS,
                value=defaults[f"steps{suffix}"],
                step=1,
                label="Steps",
                precision=0,
                elem_id=f"{tab}-steps{suffix}",
            )
            with gr.Row():
                for name, choices in (("schedule", schedules), ("solver", SOLVER_CHOICES)):
                    controls[f"{name}{suffix}"] = gr.Dropdown(
                        choices,  # pyright: ignore[reportArgumentType]
                        value=defaults[f"{name}{suffix}"],
                        label=name.capitalize(),
                        elem_id=f"{tab}-{name}{suffix}",
                        min_width=100,
                    )
    return box


def seed_controls(controls: dict[str, Any], tab: str) -> gr.Button:
    """Add the seed's control to `controls`, and return the button that rolls another."""
    with gr.Row(elem_classes="fm-seed"):
        low, high = image_playground.SEEDS
        controls["seed"] = gr.Number(
            0, label="Seed", precision=0, elem_id=f"{tab}-seed", min_width=120, minimum=low, maximum=high
        )
        return gr.Button("New noise", icon=DIE, size="sm", min_width=90, elem_id=f"{tab}-dice")


def with_trained(values: dict[str, Any], schedules: list[str]) -> dict[str, Any]:
    """Values of the controls, with the first trained schedule in place of one that is not trained."""
    return {
        name: schedules[0] if name.startswith("schedule") and value not in schedules else value
        for name, value in values.items()
    }
