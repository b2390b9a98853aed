"""Where a checkpoint comes from: hardware, packages, commit."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch


def provenance(device: torch.device, processes: int) -> dict:
    """Where a checkpoint comes from: hardware and package versions."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "hardware": {"device": gpu or _processor(), "threads": torch.get_num_threads(), "processes": processes},
        "packages": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "POT")},
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str | None:
    """Hash of the current commit, marked where the code differs from it; None outside a git checkout."""
    root = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "fm_core/*.py", "train_all.py")
        return git("rev-parse", "HEAD") + ("-modified" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
