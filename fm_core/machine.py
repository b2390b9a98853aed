"""The machine: fast arithmetic and memory, and the provenance that a checkpoint records."""

import ctypes
import platform
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # of mallopt(3)


@lru_cache
def has_bfloat16(device_type: str) -> bool:
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    return device_type == "cpu" and any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


def fast(network: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A network of images (B, C, H, W) run channels last, in bfloat16 where supported; the result has x's dtype.

    Where derivatives by x are wanted, for densities and steepness, it is run in float32: the rounding of bfloat16 moves
    a log density of digits by more than its standard error.
    """

    def computed(x: Tensor, *others: Tensor | float) -> Tensor:
        low = has_bfloat16(x.device.type) and not x.requires_grad
        with torch.autocast(x.device.type, torch.bfloat16, enabled=low):
            return network(x.float().contiguous(memory_format=torch.channels_last), *others).to(x.dtype)

    return computed


def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next batch; does nothing without glibc.

    By default it returns blocks as large as a batch's activations to the system and requests them again in every
    iteration, at the cost of thousands of page faults. The process then stays at its peak, which does not grow.
    """
    _set(_MMAP_MAX, 0)  # no block outside the heap
    _set(_TRIM_THRESHOLD, -1)  # the heap never shrinks


def share_freed_memory() -> None:
    """Have glibc's threads share two heaps, before they start; does nothing without glibc.

    By default each of many threads has its own, which keeps what was freed in it.
    """
    _set(_ARENA_MAX, 2)


def _set(parameter: int, value: int) -> None:
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(parameter, value)


def provenance(device: torch.device, processes: int) -> dict:
    """Hardware and package versions, for the metadata of a checkpoint."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    packages = {package: version(package) for package in ("torch", "numpy", "POT")}
    return {
        "hardware": {"device": name, "threads": torch.get_num_threads(), "processes": processes},
        "packages": {"python": platform.python_version(), **packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str | None:
    """Hash of the current commit, with "-modified" if the code differs from it; None outside a git checkout."""
    git = ["git", "-C", str(Path(__file__).resolve().parent.parent)]
    output = partial(subprocess.check_output, stderr=subprocess.DEVNULL, text=True)
    try:
        changed = output([*git, "status", "--porcelain", "--", "fm_core/*.py", "train_all.py"])
        return output([*git, "rev-parse", "HEAD"]).strip() + ("-modified" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
