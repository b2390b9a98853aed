"""The page's own events, sent as anybody could send them: without a page, and with whatever data."""

import json
from typing import Any

import httpx


def config(address: str) -> dict[str, Any]:
    """The page's components and events, as the page gets them."""
    return httpx.get(f"{address}config").json()


def number(page: dict[str, Any], elem_id: str) -> int:
    """The number of the component with this id."""
    return next(part["id"] for part in page["components"] if part["props"].get("elem_id") == elem_id)


def send(address: str, elem_id: str, event: str, data: list[Any], **event_data: Any) -> dict[str, Any]:
    """The message that ends this event of a component: `success`, and `output` with `data` or an `error`."""
    page = config(address)
    target = number(page, elem_id)
    index = next(entry["id"] for entry in page["dependencies"] if [target, event] in map(list, entry["targets"]))
    body = {"data": data, "fn_index": index, "session_hash": "anybody", "event_data": event_data, "trigger_id": target}
    httpx.post(f"{address}gradio_api/queue/join", json=body, timeout=60).raise_for_status()
    with httpx.stream("GET", f"{address}gradio_api/queue/data?session_hash=anybody", timeout=60) as answer:
        messages = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
        return next(message for message in messages if message["msg"] == "process_completed")


def refusal(message: dict[str, Any]) -> str:
    """The sentence of an event that was refused."""
    assert not message["success"]
    return message["output"]["error"]
