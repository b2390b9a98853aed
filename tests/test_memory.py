"""Freed memory is kept, in a process of its own, since that cannot be undone."""

import platform
import subprocess
import sys

import pytest

# Blocks above 32 MiB: glibc would never take them from the heap by itself.
CHURN = """
import resource, torch
from fm_core.memory import keep_freed_memory
if {keep}:
    keep_freed_memory()
def churn():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.zeros(10_000_000) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(min([churn() for _ in range(10)][5:]))
"""


def faults(keep: bool) -> int:
    """The fewest page faults of a round, once the heap has had rounds to grow in."""
    printed = subprocess.run(
        [sys.executable, "-c", CHURN.format(keep=keep)], capture_output=True, text=True, check=True
    ).stdout
    return int(printed)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no mallopt but glibc's")
def test_what_is_freed_is_found_again_without_page_faults():
    assert faults(keep=True) < faults(keep=False) / 10
