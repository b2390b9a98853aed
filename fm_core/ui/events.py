"""What the tabs' events have in common: their options, the sign that a run is computed, the settings of an address."""

from typing import Any

import gradio as gr

from fm_core.requests import SettingsError
from fm_core.ui.address import Form

QUIET: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "preprocess": False}
LIMITS: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "run"}


def busy(player: str) -> str:
    """JavaScript by which the player with this element id says that a run is computed."""
    return f"() => document.querySelector('#{player} .fm-player')?.setAttribute('aria-busy', 'true')"


def when_done(player: str, event: Any, failure_of: Any = None) -> None:
    """After the run, or its refusal (which `then` alone would miss), the player no longer says that it computes."""
    ready = f"() => document.querySelector('#{player} .fm-player')?.removeAttribute('aria-busy')"
    event.then(None, js=ready, api_visibility="private")
    for failing in (event, failure_of):
        if failing is not None:
            failing.failure(None, js=ready, api_visibility="private")


def dice_js(seeds: tuple[int, int]) -> str:
    return f"() => Math.floor(Math.random() * {seeds[1] + 1})"


def settings_of(form: Form, request: gr.Request) -> Any:
    """What the page's address says; the defaults, with a warning, if that does not exist."""
    try:
        return form.from_query(dict(request.query_params))
    except SettingsError as error:
        gr.Warning(f"The address asks for something that does not exist, so the page opens as usual. {error}")
        return form.unflatten({})
