"""Flow matching in small: see the README for the conventions."""

from fm_core.library import exact_flow
from fm_core.maths.flow import hand_over
from fm_core.models.catalogue import load_flow, load_image_flow
from fm_core.models.images import perfect_flow

__all__ = ["exact_flow", "hand_over", "load_flow", "load_image_flow", "perfect_flow"]
