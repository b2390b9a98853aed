"""The controls of the two sides of an image run."""

from typing import Any

import gradio as gr

from fm_core import image_playground
from fm_core.ui.menus import SOLVER_CHOICES


def side_controls(controls: dict[str, Any], tab: str, schedules: list[str], defaults: dict[str, Any]) -> gr.Accordion:
    """Add the controls of both sides to `controls`, and return the box of side B."""
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
