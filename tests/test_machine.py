"""Freed memory is kept, in a process of its own, since that cannot be undone; and where a checkpoint comes from."""

import platform
import re
import subprocess
import sys

import pytest
import torch

from fm_core.machine import commit, provenance

# Blocks above 32 MiB: glibc would never take them from the heap by itself.
CHURN = """
import resource, torch
from fm_core.machine import keep_freed_memory

def churn():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.zeros(10_000_000) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = min([churn() for _ in range(5)])
keep_freed_memory()
print(given_back, min([churn() for _ in range(10)][5:]))
"""

# The heaps that glibc tells of while eight threads use memory.
THREADS = """
import ctypes, sys, threading
from fm_core.machine import share_freed_memory

if sys.argv[1:]:
    share_freed_memory()
libc, all_there, counted = ctypes.CDLL(None), threading.Barrier(9), threading.Event()
libc.malloc.restype = libc.open_memstream.restype = ctypes.c_void_p

def use():
    libc.malloc(ctypes.c_size_t(1000))
    all_there.wait()
    counted.wait()

for _ in range(8):
    threading.Thread(target=use).start()
all_there.wait()
text, size = ctypes.c_char_p(), ctypes.c_size_t()
stream = ctypes.c_void_p(libc.open_memstream(ctypes.byref(text), ctypes.byref(size)))
libc.malloc_info(0, stream)
libc.fclose(stream)
counted.set()
print(text.value.count(b"<heap nr"))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no mallopt but glibc's")
def test_what_is_freed_is_found_again_without_page_faults():
    """The fewest page faults of a round: before, and then once the heap has had rounds to grow in."""
    printed = subprocess.run([sys.executable, "-c", CHURN], capture_output=True, text=True, check=True).stdout
    given_back, kept = map(int, printed.split())
    assert kept < given_back / 10


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no mallopt but glibc's")
def test_threads_share_two_heaps():
    def heaps(*arguments: str) -> int:
        command = [sys.executable, "-c", THREADS, *arguments]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert heaps() > 4
    assert heaps("shared") == 2


def test_the_provenance_names_processor_threads_and_packages():
    found = provenance(torch.device("cpu"), 2)
    assert found["hardware"]["device"]
    assert found["hardware"]["processes"] == 2
    assert found["packages"]["torch"] == torch.__version__.split("+")[0]


def test_the_commit_is_a_hash_that_says_where_the_code_differs():
    assert re.fullmatch(r"[0-9a-f]{40}(-modified)?", commit() or "0" * 40)
