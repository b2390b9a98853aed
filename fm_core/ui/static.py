"""The page's own files, served by name, under addresses that change when the server starts with other contents."""

import hashlib
import os
from pathlib import Path
from typing import Any

import plotly
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

_HERE = Path(__file__).parent
SCRIPTS = _HERE / "player"
OTHERS = {
    "plotly.min.js": Path(plotly.__file__).parent / "package_data" / "plotly.min.js",
    "preview.png": _HERE / "preview.png",
}
_CONTENTS = [path.read_bytes() for path in [*sorted(SCRIPTS.rglob("*.js")), *OTHERS.values()]]
VERSION = hashlib.sha256(b"".join(_CONTENTS)).hexdigest()[:12]
FOREVER = "public, max-age=31536000, immutable"


def address(name: str) -> str:
    """The address of a script or of one of the others, relative to the page's; scripts import each other by name."""
    if not (SCRIPTS / name).is_file() and name not in OTHERS:
        raise KeyError(f"There is no file {name} for the page.")
    return f"page/{VERSION}/{name}"


class _Named(StaticFiles):
    """Serves scripts and the others, and nothing else: what a browser has of this version it need not ask for again."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if path in OTHERS:
            return str(OTHERS[path]), OTHERS[path].stat()
        return super().lookup_path(path) if path.endswith(".js") else ("", None)

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = FOREVER if scope["path_params"]["version"] == VERSION else "no-cache"
        return response


_named = _Named(directory=SCRIPTS)


async def _serve(request: Request) -> Response:
    return await _named.get_response(request.path_params["name"], request.scope)


ROUTE = Route("/page/{version}/{name:path}", _serve)
