"""Memory that is freed and soon wanted again."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)


def keep_freed_memory() -> None:
    """Have glibc keep what this process frees, so that the next batch finds it; without glibc nothing happens.

    By default blocks as large as a batch's activations go back to the system and are got again in every iteration,
    with thousands of page faults. What the process holds is then its peak; that does not grow.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_MAX, 0)  # no block outside the heap
    mallopt(_TRIM_THRESHOLD, -1)  # the heap never shrinks
