"""Fast arithmetic for convolutions: bfloat16 where the device computes in it, and channels last in memory."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor


def autocast(device_type: str) -> torch.autocast:
    """bfloat16 where the device computes in it, else nothing."""
    return torch.autocast(device_type, torch.bfloat16, enabled=has_bfloat16(device_type))


@lru_cache
def has_bfloat16(device_type: str) -> bool:
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    return device_type == "cpu" and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


def fast(network: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A network of images x of shape (B, C, H, W) and what else it takes, computed fast; float32 in and out."""

    def computed(x: Tensor, *others: Tensor) -> Tensor:
        with autocast(x.device.type):
            return network(x.contiguous(memory_format=torch.channels_last), *others).float()

    return computed
