"""Tables of pixels as text: the CSV files of Kaggle and others, a row of 784 numbers for each image."""

import numpy as np

from fm_core.images.arrays import in_bytes
from fm_core.images.limits import MAX_LINE, UploadError

_ACCEPTED = "784 pixels a row, with or without a label before them and a line of names above them"


def recognises(content: bytes) -> bool:
    """Whether this is text whose first line has commas, and no digit's worth of binary bytes."""
    line = content[:MAX_LINE].split(b"\n", 1)[0]
    return line.count(b",") >= 2 and line.strip().isascii() and b"\0" not in line


def read(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    """Images `first` to `first + count` of the table, uint8 of shape (n, 28, 28). Raises UploadError."""
    lines = content.split(b"\n", first + count + 1)[: first + count + 1]
    columns = lines[0].count(b",") + 1
    if columns not in (784, 785):
        raise UploadError(f"{name} is a table of {columns:,} columns; accepted are tables of {_ACCEPTED}.")
    start = first + (not _is_numbers(lines[0]))
    rows = [line.decode("ascii", "replace") for line in lines[start : start + count] if line.strip()]
    if not rows:
        raise UploadError(f"{name} has no row {first:,}; rows are counted from 0.")
    if max(map(len, rows)) > MAX_LINE:
        raise UploadError(f"{name} has a row of more than {MAX_LINE:,} bytes; accepted are {_ACCEPTED}.")
    try:
        table = np.loadtxt(rows, delimiter=",", ndmin=2)
    except ValueError:
        raise UploadError(f"{name} has a row that is not numbers, or not as many; accepted are {_ACCEPTED}.") from None
    return in_bytes(name, table[:, -784:]).reshape(-1, 28, 28)
