"""Freed memory is kept, in a process of its own, since that cannot be undone."""

import platform
import subprocess
import sys

import pytest

CHURN = """
import resource, torch
from fm_core.memory import keep_freed_memory
if {keep}:
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def churn():
    blocks = [torch.zeros(5_000_000) for _ in range(4)]
churn(); churn()
before = faults()
for _ in range(5):
    churn()
print(faults() - before)
"""


def faults(keep: bool) -> int:
    printed = subprocess.run(
        [sys.executable, "-c", CHURN.format(keep=keep)], capture_output=True, text=True, check=True
    ).stdout
    return int(printed)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no mallopt but glibc's")
def test_what_is_freed_is_found_again_without_page_faults():
    assert faults(keep=True) < faults(keep=False) / 10  # the heap may grow by one more block before all find room
