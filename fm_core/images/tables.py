"""Tables of pixels as text: the CSV files of Kaggle and others, a row of 784 numbers for each image."""

from io import BytesIO
from itertools import islice

import numpy as np

from fm_core.images.arrays import in_bytes
from fm_core.images.limits import MAX_LINE, UploadError

_MARK = b"\xef\xbb\xbf"  # which spreadsheets put before text
_ACCEPTED = "784 pixels a row, with or without a label before or behind them and a line of names above them"


def recognises(name: str, content: bytes) -> bool:
    """Whether this is a table as text: by its name, or by commas enough in its first line."""
    line = content[:MAX_LINE].split(b"\n", 1)[0].removeprefix(_MARK)
    return line.isascii() and b"\0" not in line and (name.lower().endswith(".csv") or line.count(b",") > 100)


def read(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    """Images `first` to `first + count` of the table, uint8 of shape (n, 28, 28). Raises UploadError."""
    names = next(BytesIO(content), b"").removeprefix(_MARK).strip().lower().split(b",")
    if len(names) not in (784, 785):
        raise UploadError(f"{name} is a table of {len(names):,} columns; accepted are tables of {_ACCEPTED}.")
    headed = not names[0].strip(b' "').replace(b".", b"").isdigit()
    lines = islice(BytesIO(content), first + headed, first + headed + count)
    rows = [line.decode("utf-8-sig", "replace") for line in lines if line.strip()]
    if not rows:
        raise UploadError(f"{name} has no row {first:,}; rows are counted from 0.")
    if max(map(len, rows)) > MAX_LINE:
        raise UploadError(f"{name} has a row of more than {MAX_LINE:,} characters; accepted are {_ACCEPTED}.")
    try:
        table = np.loadtxt(rows, delimiter=",", quotechar='"', ndmin=2)
        if table.shape[1] != len(names):
            raise ValueError  # as `loadtxt` does where rows differ
    except ValueError:
        raise UploadError(f"{name} has a row that is not numbers, or not as many; accepted are {_ACCEPTED}.") from None
    label_last = names[-1].strip(b'"') in (b"label", b"class")
    pixels = table[:, :784] if label_last else table[:, -784:]
    return in_bytes(name, pixels).reshape(-1, 28, 28)
