"""Preparation of pictures of clothes: what is in the middle is lit, whatever it and its background look like."""

from functools import cache
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from fm_core.images.decoder import flat
from fm_core.images.garments import Garment, prepare
from fm_core.images.limits import UploadError
from fm_core.images.sets import IMAGE_SETS

FASHION = IMAGE_SETS["fashion"].bundled()[0]
OUTLINES = {  # in hundredths of the picture
    "shirt": [30, 15, 70, 15, 95, 40, 82, 52, 72, 42, 72, 90, 28, 90, 28, 42, 18, 52, 5, 40],
    "trousers": [30, 8, 70, 8, 76, 94, 56, 94, 50, 40, 44, 94, 24, 94],
    "dress": [38, 6, 62, 6, 64, 36, 86, 94, 14, 94, 36, 36],
    "bag": [12, 40, 35, 38, 38, 20, 62, 20, 65, 38, 88, 40, 92, 88, 8, 88],
    "shoe": [8, 30, 28, 30, 44, 52, 92, 62, 94, 80, 8, 80],
}
COLOURS = ["black", "white", "navy", "red", "khaki", "pink", "teal"]


def look(image: Image.Image, invert: str = "auto") -> Garment:
    return prepare(flat(image.copy()), invert)


def shown(image: Image.Image, invert: str = "auto") -> torch.Tensor:
    return look(image, invert).pixels


def drawing(
    size=(60, 60), box=(20, 20, 39, 39), paper: int | tuple = 0, ink: int | tuple = 255, mode="L"
) -> Image.Image:
    """A filled rectangle on paper."""
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).rectangle(box, fill=ink)
    return image


def outline_of(clothes: str, side: int) -> list[float]:
    return [value * side / 100 for value in OUTLINES[clothes]]


def photo(clothes: str, paper: str | tuple, cloth: str | tuple, seed: int = 0, side: int = 80) -> Image.Image:
    """Clothes of one colour on a background of another, shaded from one side to the other, with noise, as a JPEG."""
    image = Image.new("RGB", (side, side), paper)
    ImageDraw.Draw(image).polygon(outline_of(clothes, side), fill=cloth)
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    shade = 1 + 0.05 * np.tensordot([np.cos(angle), np.sin(angle)], np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j], 1)
    pixels = np.asarray(image) * shade[..., None] + rng.normal(0, 3, (side, side, 3))
    content = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.5)).save(content, "JPEG")
    return Image.open(content)


@cache
def silhouette(clothes: str) -> torch.Tensor:
    """Where the clothes are once they fill the frame, bool of shape (28, 28)."""
    image = Image.new("L", (80, 80))
    ImageDraw.Draw(image).polygon(outline_of(clothes, 80), fill=255)
    return shown(image) > 127


def is_lit(pixels: torch.Tensor, clothes: str) -> bool:
    """Whether the clothes are at least twice as light as what is around them."""
    where = silhouette(clothes)
    return bool(pixels[where].float().mean() > 2 * pixels[~where].float().mean())


def box_of(pixels: torch.Tensor) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is lighter than half."""
    rows, columns = (pixels > 127).any(1).nonzero(), (pixels > 127).any(0).nonzero()
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


# ---- the clothes are what is lit


@pytest.mark.parametrize("clothes", OUTLINES)
def test_grey_clothes_of_every_lightness_are_lit_on_every_background(clothes):
    levels = range(0, 256, 42)
    pairs = [(paper, cloth) for paper in levels for cloth in levels if paper != cloth]
    lost = [(p, c) for p, c in pairs if not is_lit(shown(photo(clothes, (p,) * 3, (c,) * 3, seed=p + c)), clothes)]
    assert lost == []


@pytest.mark.parametrize("clothes", OUTLINES)
def test_clothes_of_every_colour_are_lit_on_every_other(clothes):
    pairs = [(paper, cloth) for paper in COLOURS for cloth in COLOURS if paper != cloth]
    assert [pair for pair in pairs if not is_lit(shown(photo(clothes, *pair)), clothes)] == []


def test_grey_clothes_are_inverted_just_where_they_are_darker():
    for paper, cloth in np.random.default_rng(0).integers(0, 256, (200, 2)):
        if abs(int(paper) - int(cloth)) >= 16:
            assert look(drawing(paper=int(paper), ink=int(cloth))).inverted == (cloth < paper)


def test_clothes_as_light_as_the_background_are_told_from_it_by_their_colour():
    red, grey = (200, 60, 60), (102, 102, 102)  # of one lightness
    found = look(drawing(paper=grey, ink=red, mode="RGB"))
    assert box_of(found.pixels) == (0, 0, 27, 27)
    assert "colours" in found.doubts[0]


def test_clothes_that_fill_the_frame_are_lit_though_the_border_is_theirs():
    assert is_lit(shown(photo("shirt", "white", "black").crop((5, 8, 75, 72))), "shirt")


@pytest.mark.parametrize("ink", [0, 100, 220])
def test_an_outline_is_lit_though_its_middle_is_background(ink):
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).polygon(outline_of("shirt", 280), outline=ink, width=8)
    found = shown(image)
    assert found[:, 0].max() > 100
    assert found[14, 14] == 0


def test_a_drawing_in_a_corner_is_found():
    assert box_of(shown(drawing(size=(280, 280), box=(10, 10, 60, 60), paper=255, ink=0))) == (0, 0, 27, 27)


def test_a_faint_shirt_is_recovered_and_that_is_said():
    found = look(drawing(paper=250, ink=235))
    assert box_of(found.pixels) == (0, 0, 27, 27)
    assert "little stands out" in found.doubts[0]


@pytest.mark.parametrize(("paper", "ink"), [(60, 220), (230, 20), (240, 60), (200, 30), (121, 40), (130, 220)])
def test_backgrounds_become_black(paper, ink):
    outline = Image.new("L", (60, 60), paper)
    ImageDraw.Draw(outline).ellipse((20, 20, 39, 39), fill=ink)
    pixels = shown(outline)
    assert box_of(pixels) == (0, 0, 27, 27)
    assert pixels[0, 0] == 0


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (1, 300), (50, 40)])
@pytest.mark.parametrize("value", [0, 100, 255])
@pytest.mark.parametrize("invert", ["auto", "always", "never"])
def test_a_picture_of_one_colour_is_refused_by_name(size, value, invert):
    with pytest.raises(UploadError, match=r"coat.png shows nothing.*accepted are .*\.$"):
        prepare(Image.new("RGB", size, (value,) * 3), invert, "coat.png")


@pytest.mark.parametrize("opacity", [0, 255])
def test_an_all_transparent_picture_shows_nothing(opacity):
    with pytest.raises(UploadError, match="shows nothing"):
        shown(Image.new("RGBA", (50, 40), (0, 0, 0, opacity)))


def test_what_only_its_colour_shows_is_not_turned_grey_in_silence():
    with pytest.raises(UploadError, match="auto"):
        shown(drawing(paper=(102, 102, 102), ink=(200, 60, 60), mode="RGB"), "never")


def test_noise_of_a_camera_is_nothing():
    values = np.random.default_rng(0).normal(200, 1, (60, 60)).round().astype(np.uint8)
    with pytest.raises(UploadError, match="shows nothing"):
        shown(Image.fromarray(values))


# ---- originals


def test_original_images_come_through_bit_for_bit():
    for pixels in FASHION:
        found = look(Image.fromarray(pixels.numpy()))
        assert torch.equal(found.pixels, pixels)
        assert (found.inverted, found.doubts) == (False, ())


def test_inverted_originals_are_turned_back():
    for pixels in FASHION:
        found = look(Image.fromarray(255 - pixels.numpy()))
        assert torch.equal(found.pixels, pixels)
        assert found.inverted


def test_a_small_picture_on_a_grey_background_is_decided_by_its_middle():
    for ink in (40, 220):
        found = look(drawing(size=(28, 28), box=(7, 7, 20, 20), paper=125, ink=ink))
        assert found.inverted == (ink < 125)
        assert found.doubts == ("its background is neither dark nor light",)


# ---- what is asked for


def test_inversion_can_be_asked_for():
    on_white, on_black = drawing(paper=255, ink=0), drawing()
    assert torch.equal(shown(on_white), shown(on_black))
    assert shown(on_white, "never")[14, 14] == 0
    assert torch.equal(shown(on_white, "always"), shown(on_white))
    assert shown(on_black, "always")[14, 14] == 0
    assert torch.equal(shown(on_black, "never"), shown(on_black))


def test_the_other_way_round_shows_what_the_first_did_not():
    image = drawing(paper=125, ink=200)
    ImageDraw.Draw(image).rectangle((24, 24, 35, 35), fill=20)
    light, dark = shown(image, "never"), shown(image, "always")
    assert light[0, 0] > 100 > light[14, 14]
    assert dark[14, 14] > 100


def test_an_unknown_inversion_is_refused():
    with pytest.raises(UploadError, match="auto, always, never"):
        shown(drawing(), "perhaps")


# ---- framing


def test_an_object_is_cut_out_and_fills_the_frame():
    assert box_of(shown(drawing(box=(5, 5, 24, 24)))) == (0, 0, 27, 27)


@pytest.mark.parametrize(("box", "wide"), [((10, 20, 49, 39), True), ((20, 10, 39, 49), False)])
def test_the_aspect_is_kept_and_the_object_is_centred(box, wide):
    left, top, right, bottom = box_of(shown(drawing(box=box)))
    width, height = right - left + 1, bottom - top + 1
    long, short = (width, height) if wide else (height, width)
    assert long == 28
    assert abs(short - 14) <= 1
    assert abs((left + right) / 2 - 13.5) <= 0.5
    assert abs((top + bottom) / 2 - 13.5) <= 0.5


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (2, 3), (3, 1)])
def test_tiny_and_extreme_pictures_have_a_result(size):
    values = np.zeros(size[::-1], np.uint8)
    values[size[1] // 2, size[0] // 2] = 255
    if max(size) < 1000:
        assert shown(Image.fromarray(values)).shape == (28, 28)
    else:  # one pixel of thousands disappears
        values[: size[1] // 2 + 1, : size[0] // 2 + 1] = 255
        assert shown(Image.fromarray(values)).max() > 200


def test_resizing_is_antialiased():
    board = (np.indices((280, 280)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = shown(Image.fromarray(board), "never").float()
    assert (pixels[1:-1, 1:-1] - 127.5).abs().max() < 3


# ---- doubts


def test_clear_pictures_raise_no_doubt():
    for clothes in OUTLINES:
        assert look(photo(clothes, "white", "black")).doubts == ()
        assert look(photo(clothes, "black", "khaki")).doubts == ()


def test_an_uneven_background_is_said():
    image = Image.new("RGB", (80, 80), "white")
    ImageDraw.Draw(image).rectangle((0, 40, 79, 79), fill=(10, 60, 20))
    ImageDraw.Draw(image).polygon(outline_of("shirt", 80), fill=(120, 140, 120))
    assert "the background is uneven" in look(image).doubts


def test_what_touches_all_four_borders_is_said():
    board = Image.fromarray((np.indices((80, 80)).sum(0) // 8 % 2 * 255).astype(np.uint8))
    ImageDraw.Draw(board).rectangle((20, 20, 59, 59), fill=255)
    assert any("all four borders" in doubt for doubt in look(board).doubts)
