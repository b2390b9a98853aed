"""Uploads: every rule of preparation against pictures made here, and every bad file answered in a sentence."""

import gzip
import io
import struct
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from fm_core.images import uploads
from fm_core.images.arrays import MAX_UNPACKED, UploadError
from fm_core.images.sets import IMAGE_SETS
from fm_core.images.uploads import from_array, prepare, read_files


def drawing(
    size=(60, 60), box=(20, 20, 39, 39), paper: int | tuple = 0, ink: int | tuple = 255, mode="L"
) -> Image.Image:
    """A filled rectangle on paper."""
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).rectangle(box, fill=ink)
    return image


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def box_of(pixels: torch.Tensor) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is lighter than half."""
    rows, columns = (pixels > 127).any(1).nonzero(), (pixels > 127).any(0).nonzero()
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


# ---- preparation


def test_original_images_come_through_bit_for_bit():
    for pixels in IMAGE_SETS["fashion"].bundled()[0]:
        assert torch.equal(prepare(Image.fromarray(pixels.numpy())), pixels)


def test_an_object_is_cut_out_and_fills_the_frame():
    assert box_of(prepare(drawing(box=(5, 5, 24, 24)))) == (0, 0, 27, 27)


@pytest.mark.parametrize(("box", "wide"), [((10, 20, 49, 39), True), ((20, 10, 39, 49), False)])
def test_the_aspect_is_kept_and_the_object_is_centred(box, wide):
    left, top, right, bottom = box_of(prepare(drawing(box=box)))
    width, height = right - left + 1, bottom - top + 1
    long, short = (width, height) if wide else (height, width)
    assert long == 28
    assert abs(short - 14) <= 1
    assert abs((left + right) / 2 - 13.5) <= 0.5
    assert abs((top + bottom) / 2 - 13.5) <= 0.5


def test_light_backgrounds_are_inverted_and_only_they():
    on_white, on_black = drawing(paper=255, ink=0), drawing()
    assert torch.equal(prepare(on_white), prepare(on_black))
    assert prepare(on_white, "never").float().mean() < 255
    assert torch.equal(prepare(on_white, "always"), prepare(on_white))
    assert not torch.equal(prepare(on_black, "always"), prepare(on_black))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_original_images_in_files_come_through_bit_for_bit(tmp_path, mode):
    originals = IMAGE_SETS["fashion"].bundled()[0][::10]
    paths = [
        saved(tmp_path / f"{k}.png", Image.fromarray(pixels.numpy()).convert(mode))
        for k, pixels in enumerate(originals)
    ]
    assert torch.equal(read_files(paths), originals)


@pytest.mark.parametrize(("paper", "ink"), [(60, 220), (230, 20), (240, 60), (200, 30)])
def test_off_white_and_dark_grey_backgrounds_become_black(paper, ink):
    outline = Image.new("L", (60, 60), paper)
    ImageDraw.Draw(outline).ellipse((20, 20, 39, 39), fill=ink)
    pixels = prepare(outline)
    assert box_of(pixels) == (0, 0, 27, 27)
    assert pixels[0, 0] == 0


def test_an_inverted_original_is_turned_back():
    pixels = IMAGE_SETS["fashion"].bundled()[0][12]
    assert torch.equal(prepare(Image.fromarray(255 - pixels.numpy())), pixels)


def test_exif_orientation_is_applied():
    image = drawing(box=(10, 20, 49, 39))
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    content = io.BytesIO()
    image.save(content, "JPEG", exif=exif, quality=95)
    left, top, right, bottom = box_of(prepare(Image.open(content)))
    assert bottom - top > right - left


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_black(mode):
    image = Image.new("RGBA", (60, 60), (255, 255, 255, 0))
    ImageDraw.Draw(image).rectangle((20, 20, 39, 39), fill=(255, 255, 255, 255))
    if mode == "P":
        image = image.quantize(4)
    elif mode == "LA":
        image = image.convert("LA")
    pixels = prepare(image, "never")
    assert box_of(pixels) == (0, 0, 27, 27)


def test_what_is_black_on_nothing_is_seen():
    black, white = drawing(paper=(0, 0, 0, 0), ink=(0, 0, 0, 255), mode="RGBA"), drawing()
    assert torch.equal(prepare(black), prepare(white))


@pytest.mark.parametrize("opacity", [0, 255])
@pytest.mark.parametrize("invert", ["auto", "never"])
def test_an_all_black_or_all_transparent_picture_stays_black(opacity, invert):
    assert prepare(Image.new("RGBA", (50, 40), (0, 0, 0, opacity)), invert).max() == 0


def test_sixteen_bits_are_scaled_not_cut_off():
    ramp = np.linspace(0, 65535, 784).round().astype(np.uint16).reshape(28, 28)
    pixels = prepare(Image.fromarray(ramp), "never").numpy().astype(int)
    assert np.abs(pixels - ramp / 257).max() <= 0.51


def test_a_large_picture_of_sixteen_bits_is_scaled_too(tmp_path):
    grey = np.asarray(drawing(ink=200)).astype(np.uint16) * 257
    assert torch.equal(read_files([saved(tmp_path / "a.png", Image.fromarray(grey))])[0], prepare(drawing(ink=200)))


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "1", "P", "YCbCr"])
def test_other_modes_become_grey(mode):
    assert box_of(prepare(drawing().convert("RGB").convert(mode))) == (0, 0, 27, 27)


def test_resizing_is_antialiased():
    board = (np.indices((280, 280)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = prepare(Image.fromarray(board), "never").float()
    assert (pixels[1:-1, 1:-1] - 127.5).abs().max() < 3


def test_only_the_first_frame_of_an_animation_counts(tmp_path):
    path = saved(tmp_path / "a.gif", drawing(box=(5, 20, 54, 39)), save_all=True, append_images=[drawing(ink=99)])
    assert torch.equal(read_files([path])[0], prepare(drawing(box=(5, 20, 54, 39))))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
@pytest.mark.parametrize("value", [0, 100, 255])
def test_tiny_extreme_and_empty_pictures_have_a_result(size, value):
    assert prepare(Image.new("L", size, value)).shape == (28, 28)


@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_picture_of_one_colour_is_black(value):
    assert prepare(Image.new("L", (50, 40), value)).max() == 0


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif", "bmp", "mpo"])
def test_every_format_is_read_whatever_its_name(tmp_path, kind):
    path = saved(tmp_path / f"a.{kind}", drawing().convert("RGB"))
    renamed = path.rename(tmp_path / "noname.txt")
    assert box_of(read_files([renamed])[0]) == (0, 0, 27, 27)


def test_a_drawing_pad_is_read_like_a_picture():
    pad = np.zeros((280, 280, 4), np.uint8)
    pad[..., :3] = 255
    pad[..., 3] = 255
    pad[100:180, 60:220, :3] = 0
    left, top, right, bottom = box_of(from_array(pad))
    assert (left, right) == (0, 27)
    assert bottom - top < 20
    for same in (pad[..., :3], pad[..., :1], pad[..., 0], pad[..., 0] / 255, pad[..., :3] / 255, pad[..., 0] > 0):
        assert torch.equal(from_array(same), from_array(pad))


# ---- arrays


def arrays(n: int = 5) -> np.ndarray:
    return IMAGE_SETS["fashion"].bundled()[0][:n].numpy()


def npy(path: Path, array: np.ndarray, **options) -> Path:
    np.save(path, array, **options)
    return path


def idx(n: int = 5, magic: int = 0x803, side: int = 28, cut: int | None = None) -> bytes:
    return (struct.pack(">IIII", magic, n, side, side) + arrays(n).tobytes())[:cut]


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 28, 28, 1), (5, 1, 28, 28), (5, 784)])
@pytest.mark.parametrize("kind", ["bytes", "unit floats", "floats", "integers"])
def test_arrays_of_every_shape_and_kind_give_the_same_images(tmp_path, shape, kind):
    array = arrays()
    values = {"bytes": array, "unit floats": array / 255, "floats": array * 1.0, "integers": array.astype(np.int64)}
    path = npy(tmp_path / "a.npy", values[kind].reshape(shape))
    assert torch.equal(read_files([path]), torch.from_numpy(array))


def test_ranges_are_taken_from_every_kind_of_file(tmp_path):
    np.savez(tmp_path / "a.npz", labels=np.arange(5), images=arrays())
    (tmp_path / "a.idx").write_bytes(idx())
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx()))
    for path in (npy(tmp_path / "a.npy", arrays()), tmp_path / "a.npz", tmp_path / "a.idx", tmp_path / "a.gz"):
        assert torch.equal(read_files([path], first=1, count=3), torch.from_numpy(arrays()[1:4]))
        assert len(read_files([path], first=4, count=3)) == 1


def test_a_picture_in_an_array_is_inverted_like_one_in_a_file(tmp_path):
    path = npy(tmp_path / "a.npy", 255 - arrays())
    assert torch.equal(read_files([path]), torch.from_numpy(arrays()))
    assert torch.equal(read_files([path], invert="never"), torch.from_numpy(255 - arrays()))
    assert torch.equal(read_files([path], invert="always"), torch.from_numpy(arrays()))


def test_the_whole_array_decides_on_the_scale(tmp_path):
    array = arrays(2) * 1.0
    array[0] = 1
    assert (read_files([npy(tmp_path / "a.npy", array)], count=1) == 1).all()


def test_the_order_of_an_array_in_memory_does_not_matter(tmp_path):
    path = npy(tmp_path / "a.npy", np.asfortranarray(arrays().astype(">u2")))
    assert torch.equal(read_files([path]), torch.from_numpy(arrays()))


def test_images_are_found_among_the_arrays_of_an_archive(tmp_path):
    path = tmp_path / "a.npz"
    others = {"classes": np.array(["bag"]), "masks": np.zeros((5, 28, 28)), "notes": np.array([{}], dtype=object)}
    np.savez_compressed(path, allow_pickle=True, **others, x_test=arrays())
    assert torch.equal(read_files([path]), torch.from_numpy(arrays()))


def test_idx_is_read_no_further_than_asked(tmp_path):
    for name, content in {"a.idx": idx()[:2500], "a.gz": gzip.compress(idx())[:-300]}.items():
        (tmp_path / name).write_bytes(content)
        assert torch.equal(read_files([tmp_path / name], first=1, count=2), torch.from_numpy(arrays()[1:3]))
        assert "cut short" in refused(tmp_path / name)


def test_files_come_in_order(tmp_path):
    paths = [npy(tmp_path / f"{k}.npy", pixels) for k, pixels in enumerate(arrays())]
    assert torch.equal(read_files(paths[::-1]), torch.from_numpy(arrays()[::-1].copy()))


# ---- refusals


def refused(*paths: Path, **options) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UploadError) as caught:
            read_files(paths, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


def encoded(kind: str, image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, kind)
    return content.getvalue()


def noise(kind: str) -> bytes:
    return encoded(kind, Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)))


def blank(side: int) -> bytes:
    return encoded("PNG", Image.new("1", (side, side)))


def archive(name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        packed.writestr(name, content)
    return file.getvalue()


def spoilt(content: bytes, start: int) -> bytes:
    """With twenty bytes overwritten."""
    return content[:start] + b"\xff" * 20 + content[start + 20 :]


def array_bytes(array: np.ndarray, **options) -> bytes:
    content = io.BytesIO()
    np.save(content, array, **options)
    return content.getvalue()


def header(shape: tuple[int, ...]) -> bytes:
    """A .npy file's, with some bytes behind it."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return content.getvalue() + bytes(784)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, world", "not a picture"),
        (np.random.default_rng(1).bytes(5000), "not a picture"),
        *[(encoded(kind, drawing()), "not a picture") for kind in ("TIFF", "PPM", "ICO", "PDF", "EPS", "TGA")],
        (noise("JPEG")[:2000], "damaged or cut short"),
        (noise("PNG")[:2000], "damaged or cut short"),
        (noise("WEBP")[:2000], "accepted are PNG"),
        (noise("GIF")[:2000], "damaged or cut short"),
        (noise("BMP")[:2000], "damaged or cut short"),
        (spoilt(noise("PNG"), 1000), "damaged or cut short"),
        (blank(6000), "36.0 megapixels"),
        (blank(10000), "100.0 megapixels"),  # of which Pillow would warn
        (blank(20000), "megapixels"),  # which Pillow would refuse
        (b"\0" * (uploads.MAX_BYTES + 1), "at most 5 MB"),
        (idx(magic=0x801), "labels"),
        (idx(side=32), "32×32"),
        (idx(cut=1000), "cut short"),
        (idx(cut=10), "IDX"),
        (gzip.compress(b"something else", mtime=0), "not an IDX file"),
        (gzip.compress(idx())[:-30], "damaged or cut short"),
        (gzip.compress(idx(magic=0x801)), "labels"),
        (spoilt(gzip.compress(idx()), 100), "damaged or cut short"),
        (idx(n=0), "0 images"),
        (header((-1, 28, 28)), "(-1, 28, 28)"),
        (header((10**12, 784)), "64 MB"),
        (header((2, 784)), "cut short"),
        (array_bytes(np.zeros((3, 27, 28))), "(3, 27, 28)"),
        (array_bytes(np.zeros(())), "()"),
        (array_bytes(np.full((28, 28), np.nan)), "nan"),
        (array_bytes(np.full((28, 28), np.inf)), "inf"),
        (array_bytes(np.full((28, 28), -1)), "-1"),
        (array_bytes(np.full((28, 28), 300)), "300"),
        (array_bytes(np.full((28, 28), 1j)), "complex"),
        (array_bytes(np.array([{}] * 784).reshape(28, 28), allow_pickle=True), "Python objects"),
        (array_bytes(np.zeros((28, 28)))[:500], "cut short"),
        (b"\x93NUMPY\x01\x00\xff\xff", "damaged"),
        (b"\x93NUMPY\x01\x00\x02\x00((", "damaged"),
        (archive("a.txt", b"text"), "without arrays"),
        (archive("a.npy", b"\0" * (MAX_UNPACKED + 10)), "64 MB"),
        (archive("a.npy", b"nonsense"), "damaged"),
        (archive("a.npy", array_bytes(np.array([{}] * 784).reshape(28, 28))), "Python objects"),
        (archive("a.npy", array_bytes(np.zeros((3, 27, 28)))), "(3, 27, 28)"),
        *[
            (spoilt(archive("a.npy", array_bytes(arrays()), kind), 60), "damaged")
            for kind in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        ],
        (archive("a.npy", array_bytes(np.zeros((28, 28))))[:200], "damaged"),
    ],
)
def test_a_bad_file_gets_one_sentence_with_its_name(tmp_path, content, words):
    path = tmp_path / "bad.file"
    path.write_bytes(content)
    message = refused(path)
    assert "bad.file" in message
    assert words in message


def test_one_bad_file_refuses_them_all(tmp_path):
    good = saved(tmp_path / "good.png", drawing())
    (tmp_path / "bad.png").write_bytes(b"nope")
    assert "bad.png" in refused(good, tmp_path / "bad.png")


def test_no_idx_file_is_unpacked_beyond_the_limit(tmp_path):
    path = tmp_path / "deep.gz"
    path.write_bytes(gzip.compress(idx(n=5).replace(struct.pack(">I", 5), struct.pack(">I", 2**32 - 1), 1)))
    assert "64 MB" in refused(path, first=MAX_UNPACKED // 784)


def test_files_read_at_the_same_time_leave_the_warnings_as_they_were(tmp_path):
    path, before = saved(tmp_path / "a.png", drawing()), list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_files([path] * 8), range(16)))
    assert list(warnings.filters) == before


def test_limits_and_ranges(tmp_path):
    good = saved(tmp_path / "good.png", drawing())
    many = npy(tmp_path / "many.npy", arrays(80))
    assert "65 files" in refused(*[good] * 65)
    assert "80 images" in refused(many, count=80)
    assert "65 images" in refused(good, many, first=16)
    assert len(read_files([good, many], first=17)) == 64
    assert "No file" in refused()
    assert "80 images" in refused(many, first=80)
    assert "range" in refused(many, first=-1)
    assert "range" in refused(many, count=0)
    assert "auto, always, never" in refused(good, invert="perhaps")
    assert "cannot be read" in refused(tmp_path)
    assert "missing.png is no longer on the server; upload it again" in refused(tmp_path / "missing.png")


@pytest.mark.parametrize("shape", [(5, 5, 2), (5,), (0, 5), (5, 0, 3), (2, 5, 5, 3), ()])
def test_a_drawing_of_another_shape_is_refused(shape):
    with pytest.raises(UploadError, match="shape"):
        from_array(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1, 3, 1j, "a"])
def test_a_drawing_of_other_numbers_is_refused(value):
    with pytest.raises(UploadError, match="bytes"):
        from_array(np.full((5, 5), value))


def test_a_drawing_has_the_limits_of_a_picture():
    with pytest.raises(UploadError, match="megapixels"):
        from_array(np.zeros((6000, 6000), np.uint8))
    with pytest.raises(UploadError, match="megapixels"):
        prepare(Image.new("L", (0, 5)))
    with pytest.raises(UploadError, match="auto, always, never"):
        from_array(np.zeros((5, 5)), "perhaps")
