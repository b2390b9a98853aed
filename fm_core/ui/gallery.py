"""A gallery whose pictures are part of the page."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.data_classes import ImageData
from PIL import Image


class InlineGallery(gr.Gallery):
    """Shows arrays with captions. Gradio would write a file for each and tell everybody where on the machine it is."""

    def get_config(self, cls: Any = gr.Gallery) -> dict:
        return super().get_config(cls)

    def get_block_name(self) -> str:
        return "gallery"

    def postprocess(self, value: Sequence[tuple[np.ndarray, str]] | None) -> GalleryData:  # pyright: ignore[reportIncompatibleMethodOverride]
        return GalleryData(
            root=[GalleryImage(image=ImageData(url=_png(image)), caption=words) for image, words in value or []]
        )


def _png(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
