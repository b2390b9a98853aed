"""The page's own files, served by name, under addresses that change when their contents do."""

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
_SCRIPTS = {path.relative_to(_HERE / "player").as_posix(): path for path in sorted(_HERE.rglob("player/**/*.js"))}
FILES = {
    **_SCRIPTS,
    "plotly.min.js": Path(plotly.__file__).parent / "package_data" / "plotly.min.js",
    "preview.png": _HERE / "preview.png",
}
VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in FILES.values())).hexdigest()[:12]
FOREVER = "public, max-age=31536000, immutable"


def address(name: str) -> str:
    """The address of one of the files, relative to the page's, so that scripts import each other by relative ones."""
    if name not in FILES:
        raise KeyError(f"There is no file {name} for the page.")
    return f"page/{VERSION}/{name}"


class _Named(StaticFiles):
    """Serves `FILES`, and no others: what the browser has of this version it need not ask for again."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        file = FILES.get(path)
        return (str(file), file.stat()) if file else ("", None)

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = FOREVER if scope["path_params"]["version"] == VERSION else "no-cache"
        return response


_named = _Named()


async def _serve(request: Request) -> Response:
    return await _named.get_response(request.path_params["name"], request.scope)


ROUTE = Route("/page/{version}/{name:path}", _serve)
