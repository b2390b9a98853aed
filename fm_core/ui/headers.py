"""The security headers of every answer, as far as Gradio's page works with them."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import MutableHeaders

# Gradio's page has scripts inline and makes functions of text, so the policy cannot forbid scripts; it keeps the page
# from loading anything from, and sending anything to, another host, and from being framed by others than these.
FRAMES = [
    "'self'", "https://huggingface.co", "https://*.hf.space", "https://colab.research.google.com",
    "https://*.googleusercontent.com", "http://localhost:*", "http://127.0.0.1:*",
]  # fmt: skip
SHARED = "https://gradio.s3-us-west-2.amazonaws.com"  # from where the page of `launch(share=True)` loads its scripts
Send = Callable[[dict[str, Any]], Awaitable[None]]


def policy(elsewhere: str = "") -> str:
    """The Content-Security-Policy of a page that may load scripts, styles and fonts from `elsewhere`."""
    rules = {
        "default-src": f"'self' {elsewhere}",
        "script-src": f"'self' 'unsafe-inline' 'unsafe-eval' blob: {elsewhere}",
        "style-src": f"'self' 'unsafe-inline' {elsewhere}",
        "img-src": f"'self' data: blob: {elsewhere}",
        "media-src": "'self' data: blob:",
        "font-src": f"'self' data: {elsewhere}",
        "connect-src": f"'self' data: blob: {elsewhere}",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(FRAMES),
    }
    return "; ".join(f"{rule} {sources}".strip() for rule, sources in rules.items())


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=()",
}


class SecurityHeaders:
    """ASGI middleware that adds them, if an answer has none of that name."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        added = HEADERS | _policy_of(scope) if scope["type"] == "http" else {}

        async def changed(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, changed if scope["type"] == "http" else send)


def _policy_of(scope: dict[str, Any]) -> dict[str, str]:
    return {"Content-Security-Policy": policy(SHARED if scope["app"].get_blocks().share else "")}
