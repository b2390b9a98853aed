"""Flow matching in small: see the README for the conventions."""

from fm_core.checkpoints import load_flow

__all__ = ["load_flow"]
