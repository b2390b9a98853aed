"""A picture of clothes as 28×28 pixels like Fashion-MNIST's: light on black, filling the frame, centred.

What is shown is taken to be in the middle. Its mean colour g and the background's colour b give a direction in the
space of colours, g − b, and each pixel's colour c the value (c − b)·(g − b), scaled so that the farthest colour there
is has 255. The background becomes black and the clothes light, darker than the background or lighter, and clothes as
light as the background are told from it by their colour. For grey pictures that is an inversion, or none.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fm_core.images.limits import UploadError

INVERSIONS = ("auto", "always", "never")
SIDE = 28
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_NOTHING = 8  # of 255: a picture that differs nowhere more from its background shows nothing
_FAINT = 24  # of 255: smaller differences from the background belong to it
_LOW, _FULL = 48, 192  # of 255: fainter clothes than `_LOW` are stretched to `_FULL`
_DARK = 48  # of 255: a 28×28 picture on a darker background is as it should be; in 140,000 originals without a fault


@dataclass(frozen=True)
class Garment:
    """A picture of clothes as the network sees it: uint8 of shape (28, 28), and how it came about."""

    pixels: Tensor
    inverted: bool  # whether the clothes were taken as darker than their background
    doubts: tuple[str, ...] = ()  # what makes the picture doubtful, each a clause


def prepare(picture: Image.Image, invert: str = "auto", name: str = "The picture") -> Garment:
    """A picture in RGB as the network sees it; one of 28×28 pixels is at most turned grey and inverted.

    `invert`: "auto", or "always" or "never" for grey pixels inverted or as they are. Raises UploadError with the
    picture's `name`, above all if it shows nothing.
    """
    if invert not in INVERSIONS:
        raise UploadError(f"invert must be one of {', '.join(INVERSIONS)}, not {invert!r:.80}.")
    colours = np.asarray(picture, np.float32)
    background = _background(_thinned(colours))
    if np.abs(colours - background).max() < _NOTHING:
        wanted = "accepted are pictures of something darker or lighter than what is around it"
        raise UploadError(f"{name} shows nothing: nearly all of its pixels have one colour; {wanted}.")
    if picture.size == (SIDE, SIDE):
        return _as_it_is(colours @ _GREY, float(background @ _GREY), invert)
    garment = _lit(colours, background, invert)
    if garment is None:
        raise UploadError(f"{name} shows nothing in grey, only in colour; choose auto for the inversion.")
    return garment


def _background(colours: np.ndarray) -> np.ndarray:
    """The colour (3,) of the corners or of the border, each a median: the one from which the middle differs more.

    Clothes often touch the borders and seldom the corners; where they do, the whole border is the better witness.
    """
    candidates = np.median(_corners(colours), 0), np.median(_border(colours), 0)
    middle = _inner(colours).mean((0, 1))
    return max(candidates, key=lambda colour: float(((middle - colour) ** 2).sum()))


def _thinned(colours: np.ndarray) -> np.ndarray:
    """Every so many rows and columns, about a hundred of each, which are enough for medians."""
    step = max(1, max(colours.shape) // 100)
    return colours[::step, ::step]


def _corners(colours: np.ndarray) -> np.ndarray:
    """The median colours (4, 3) of the corners, each a tenth of the picture wide and high."""
    height, width = (max(1, side // 10) for side in colours.shape[:2])
    rows, columns = (slice(None, height), slice(-height, None)), (slice(None, width), slice(-width, None))
    return np.stack([np.median(colours[row, column], (0, 1)) for row in rows for column in columns])


def _border(colours: np.ndarray) -> np.ndarray:
    """The colours (n, 3) of a frame a tenth of the picture wide."""
    height, width = (max(1, side // 10) for side in colours.shape[:2])
    inner = np.zeros(colours.shape[:2], bool)
    inner[height:-height, width:-width] = True
    return colours[~inner]


def _as_it_is(grey: np.ndarray, background: float, invert: str) -> Garment:
    """A picture that already has the size: where its background is neither dark nor light, the middle decides."""
    doubtful = _DARK < background < 255 - _DARK
    darker = _inner(grey).mean() < background if doubtful else background > 127
    inverted = {"always": True, "never": False}.get(invert, darker)
    doubts = ("its background is neither dark nor light",) if doubtful and invert == "auto" else ()
    return Garment(_tensor(255 - grey if inverted else grey), inverted, doubts)


def _lit(colours: np.ndarray, background: np.ndarray, invert: str) -> Garment | None:
    """A picture of any other size, with the background black and the clothes light, unless `invert` forbids it.

    None if in grey, as asked for, nothing is seen.
    """
    difference = _difference(colours, background)
    direction = {"always": -_GREY, "never": _GREY}.get(invert, difference)
    inverted = bool(direction @ _GREY < 0)
    values = _along(colours, background, direction)
    if difference @ direction <= 0:  # as asked for, the background is lighter than the clothes: nothing is to be lit
        grey = colours @ _GREY
        values = 255 - grey if inverted else grey
    if np.ptp(values) < _NOTHING:
        return None
    if invert != "auto":
        return Garment(_framed(values), inverted)
    level = _level(values)
    pixels = _framed((values * (_FULL / level if level < _LOW else 1)).clip(0, 255))
    return Garment(pixels, inverted, _doubts(colours, values, difference, level))


def _difference(colours: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The mean colour (3,) of the middle of what stands out, less the background's."""
    away = np.abs(colours - background).max(2)
    least = min(_FAINT, away.max() / 2)
    difference = _inner(_cropped(colours, least, away)).mean((0, 1)) - background
    if np.abs(difference).max() >= 1:
        return difference
    return colours[np.unravel_index(away.argmax(), away.shape)] - background  # of an outline: its middle is background


def _along(colours: np.ndarray, background: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """How far (H, W) each colour lies from the background in this direction; 255 for the farthest colour there is."""
    farthest = np.where(direction > 0, direction * (255 - background), -direction * background).sum()
    return ((colours - background) @ direction * (255 / max(farthest, 1e-6))).clip(0, 255)


def _level(values: np.ndarray) -> float:
    """How light the lightest of the clothes are: of what is not black in the middle, or else anywhere."""
    middle = _inner(_cropped(values, _FAINT))
    seen = middle[middle >= _NOTHING] if (middle >= _NOTHING).any() else values[values > 0]
    return float(np.percentile(seen, 95))


def _doubts(colours: np.ndarray, values: np.ndarray, difference: np.ndarray, level: float) -> tuple[str, ...]:
    corners = _corners(_thinned(colours))
    contrast = np.linalg.norm(difference)
    lit = values > max(_FAINT, level / 2)
    touched = min(side.mean() for side in (lit[0], lit[-1], lit[:, 0], lit[:, -1]))
    middle, border = _inner(values).mean(), _border(values).mean()
    found = {
        "the middle is hardly lighter than the border": middle < 1.2 * border,
        "little stands out from the background, so the contrast was stretched": level < _LOW,
        "clothes and background are about equally light, so they were told apart by their colours": (
            abs(difference @ _GREY) < min(_FAINT, contrast / 4)
        ),
        "the background is uneven": np.linalg.norm(corners.max(0) - corners.min(0)) > 3 * contrast,
        "what stands out touches all four borders": touched > 0.1,
    }
    return tuple(doubt for doubt, there in found.items() if there)


def _inner(values: np.ndarray) -> np.ndarray:
    """The middle of (H, W, …), half of it wide and high."""
    height, width = values.shape[0] // 4, values.shape[1] // 4
    return values[height : values.shape[0] - height, width : values.shape[1] - width]


def _cropped(values: np.ndarray, least: float, away: np.ndarray | None = None) -> np.ndarray:
    """Cut to the box of what has more than `least`, of the values themselves or of `away`, if anything has."""
    rows, columns = np.nonzero((values if away is None else away) > least)
    if not len(rows):
        return values
    return values[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _framed(values: np.ndarray) -> Tensor:
    """Grey values cropped to what stands out from black, scaled to fit 28×28 and centred on black."""
    grey = Image.fromarray(_cropped(values, _FAINT).round().astype(np.uint8))
    scale = SIDE / max(grey.size)
    width, height = (max(1, round(side * scale)) for side in grey.size)  # Pillow's `pad` fails below one pixel
    frame = Image.new("L", (SIDE, SIDE))
    frame.paste(grey.resize((width, height), Image.Resampling.LANCZOS), ((SIDE - width) // 2, (SIDE - height) // 2))
    return torch.from_numpy(np.array(frame))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.round().astype(np.uint8))
