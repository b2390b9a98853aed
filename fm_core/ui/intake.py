"""Components for what visitors hand in, which reaches the handlers as it came, undecoded and within limits.

Gradio writes a .pyi file beside a module with components; so there is nothing else in this one.
"""

from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr
from gradio.components.base import server
from gradio.components.image_editor import EditorData
from gradio.data_classes import ListFiles
from gradio_client.utils import is_http_url_like
from pydantic import ValidationError

from fm_core.images.limits import MB, UploadError
from fm_core.images.pictures import content_of

DRAWINGS, STROKES = 32 * MB, 8192  # kept at a time, of all visitors: bytes, and drawings
DRAWING = 1 * MB  # of one, which has some 5 kB


class _Uploaded:
    """Of a component: what it is given was uploaded, so that the server fetches nothing from elsewhere."""

    async def async_move_resource_to_block_cache(self, url_or_file_path: Any) -> str | None:
        if is_http_url_like(str(url_or_file_path)):
            raise gr.Error("An address is not fetched from here; upload the file itself.", print_exception=False)
        return await super().async_move_resource_to_block_cache(url_or_file_path)  # pyright: ignore[reportAttributeAccessIssue]


class _Told:
    """Of a component's data: what is malformed gets a sentence."""

    @classmethod
    def model_validate(cls, *arguments: Any, **keywords: Any) -> Any:
        try:
            return super().model_validate(*arguments, **keywords)  # pyright: ignore[reportAttributeAccessIssue]
        except ValidationError:
            raise gr.Error("Files are given as a list of uploaded files.", print_exception=False) from None


class _Files(_Told, ListFiles):
    pass


class _Drawing(_Told, EditorData):
    pass


class Files(_Uploaded, gr.File):
    """A place for several files. In events with `preprocess=False`, `paths` says where they are."""

    def __init__(self, **keywords: Any):
        super().__init__(file_count="multiple", **keywords)
        self.data_model = _Files

    def get_config(self, cls: Any = gr.File) -> dict:
        return super().get_config(cls)

    def get_block_name(self) -> str:
        return "file"

    @staticmethod
    def paths(files: list[dict] | None) -> list[Path]:
        return [Path(file["path"]) for file in files or []]


class Pad(_Uploaded, gr.ImageEditor):
    """A pad to draw on. In events with `preprocess=False`, `content` has the drawing, and nothing is decoded.

    The page sends what is drawn after every stroke, under a new name, and the event then mentions the newest. Gradio
    keeps all of them for ever, with their layers; here the newest of all visitors are kept, up to a number of bytes.
    """

    data_model = _Drawing

    def __init__(self, **keywords: Any):
        self._drawings: dict[str, bytes] = {}
        self._size = 0  # of all of them, in bytes
        self._changing = Lock()
        super().__init__(sources=(), layers=False, **keywords)

    def get_config(self, cls: Any = gr.ImageEditor) -> dict:
        return super().get_config(cls)

    def get_block_name(self) -> str:
        return "imageeditor"

    def preprocess(self, payload: Any) -> dict | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return payload and payload.model_dump()

    @server
    def accept_blobs(self, data: Any) -> None:
        """Keep a part of a drawing, if it is the whole."""
        name, drawing = str(data.data.get("id")), data.files[0][1] if data.files else b""
        if data.data.get("type") != "composite" or len(drawing) > DRAWING:
            return
        with self._changing:
            self._take(name)
            self._drawings[name] = drawing
            self._size += len(drawing)
            while self._size > DRAWINGS or len(self._drawings) > STROKES:
                self._take(next(iter(self._drawings)))

    def _take(self, name: str) -> bytes:
        """This drawing, which is no longer kept, or nothing."""
        drawing = self._drawings.pop(name, b"")
        self._size -= len(drawing)
        return drawing

    def content(self, value: dict | None) -> bytes:
        """The drawing as the content of a picture's file. Raises UploadError."""
        drawing = value or {}
        if drawing.get("id") is not None:
            with self._changing:
                content = self._take(drawing["id"])
            if not content:
                raise UploadError("The drawing is no longer on the server; press ✓ again.")
            return content
        if not drawing.get("composite"):
            raise UploadError("The pad is empty: draw something, then press ✓.")
        return content_of(Path(drawing["composite"]["path"]))


class Whole(gr.Number):
    """A field for a whole number, whose limits other programs are told too."""

    def get_block_name(self) -> str:
        return "number"

    def api_info(self) -> dict[str, str]:
        return {"type": "integer", "description": f"a whole number from {self.minimum} to {self.maximum}"}
