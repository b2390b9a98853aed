"""A visitor's files: every kind of them gives the same pictures, and every bad one an answer in a sentence."""

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fm_core.images import uploads
from fm_core.images.limits import MAX_UNPACKED, UploadError
from fm_core.images.sets import IMAGE_SETS
from fm_core.images.uploads import from_array, from_file, look_at_array, look_at_file, look_at_files, read_files
from fm_core.texts import text
from tests.image_files import idx as idx_of
from tests.picture_files import archive, drawing, encoded, noise, png_header, spoilt

FASHION = IMAGE_SETS["fashion"].bundled()[0]


def images(n: int = 5) -> np.ndarray:
    return FASHION[:n].numpy()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def npy(array: np.ndarray, **options) -> bytes:
    content = io.BytesIO()
    np.save(content, array, **options)
    return content.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=True, **arrays)
    return content.getvalue()


def idx(n: int = 5, magic: int = 0x803, side: int = 28, cut: int | None = None) -> bytes:
    return (struct.pack(">IIII", magic, n, side, side) + images(n).tobytes())[:cut]


def csv(label: str = "first", header: bool = True, end: str = "\n", values: np.ndarray | None = None) -> bytes:
    rows = images() if values is None else values
    names = [f"pixel{k}" for k in range(784)]
    lines = [names, *rows.reshape(-1, 784).tolist()] if header else rows.reshape(-1, 784).tolist()
    label_of = {k: "label" if header and not k else str(k % 10) for k in range(len(lines))}
    if label == "first":
        lines = [[label_of[k], *line] for k, line in enumerate(lines)]
    elif label == "last":
        lines = [[*line, label_of[k]] for k, line in enumerate(lines)]
    return (end.join(",".join(map(str, line)) for line in lines) + end).encode()


def header(shape: tuple[int, ...]) -> bytes:
    """A .npy file's, with some bytes behind it."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return content.getvalue() + bytes(784)


def pngs(n: int = 5) -> dict[str, bytes]:
    return {f"test/{k}/{k}.png": encoded("PNG", Image.fromarray(image)) for k, image in enumerate(images(n))}


FILES = {  # the same five images
    "images.npy": npy(images()),
    "images.npz": npz(labels=np.arange(5), images=images()),
    "t10k-images-idx3-ubyte": idx(),
    "t10k-images-idx3-ubyte.gz": gzip.compress(idx()),
    "fashion-mnist_test.csv": csv(),
    "kaggle_test.csv": csv(label="none"),
    "openml.csv": csv(label="last"),
    "mnist_test.csv": csv(header=False),
    "windows.csv": b"\xef\xbb\xbf" + csv(end="\r\n"),
    "quoted.csv": csv().replace(b"label", b'"label"'),
    "no_name": csv(),
    "table.csv.gz": gzip.compress(csv()),
    "pngs.zip": archive(pngs()),
    "table.zip": archive({"fashion-mnist_test.csv": csv()}),
    "idx.zip": archive({"t10k-images": idx()}, zipfile.ZIP_STORED),
    "mac.zip": archive(
        {"__MACOSX/test/0/._0.png": b"\0\5\x16\7", "test/.DS_Store": b"x", **pngs(), "labels.csv": b"a"}
    ),
}


# ---- pictures


def test_originals_come_through_bit_for_bit_in_every_mode(tmp_path):
    modes = ["L", "RGB", "RGBA"] * 4
    paths = [
        saved(tmp_path / f"{k}.png", Image.fromarray(pixels.numpy()).convert(mode))
        for k, (pixels, mode) in enumerate(zip(FASHION[::9], modes, strict=True))
    ]
    assert torch.equal(read_files(paths), FASHION[::9])


@pytest.mark.parametrize("kind", ["jpg", "webp", "avif", "heic", "tiff", "gif", "bmp"])
def test_every_format_is_read_whatever_its_name(tmp_path, kind):
    image = drawing(box=(10, 20, 49, 39)).convert("RGB")
    content = heic(image) if kind == "heic" else encoded("JPEG" if kind == "jpg" else kind.upper(), image)
    pixels = from_file(written(tmp_path / "noname.txt", content))
    assert (pixels[10:18] > 200).all()
    assert (pixels[:6] < 30).all()


def heic(image: Image.Image) -> bytes:
    from fm_core.images import decoder

    assert decoder._learn_heif()
    return encoded("HEIF", image)


def test_pictures_and_arrays_come_in_the_order_of_their_files(tmp_path):
    makers = [lambda image: encoded("PNG", Image.fromarray(image)), npy] * 3
    paths = [
        written(tmp_path / f"{k}", make(image)) for k, (make, image) in enumerate(zip(makers, images(6), strict=True))
    ]
    assert torch.equal(read_files(paths[::-1]), FASHION[:6].flip(0))


def test_one_file_is_read_for_the_pad(tmp_path):
    path = saved(
        tmp_path / "composite.png", drawing((280, 280), (60, 100, 219, 179), (0, 0, 0, 0), (0, 0, 0, 255), "RGBA")
    )
    assert torch.equal(from_file(path), read_files([path])[0])
    assert torch.equal(from_file(path.read_bytes()), from_file(path))
    assert torch.equal(from_file(path, "always"), look_at_file(path, "always").pixels[0])
    huge = written(tmp_path / "composite.png", png_header(13_000, 13_000))
    with pytest.raises(UploadError, match=r"composite\.png has 169"):
        from_file(huge)
    with pytest.raises(UploadError, match="Your drawing has 169"):
        look_at_file(huge.read_bytes(), name="Your drawing")
    with pytest.raises(UploadError, match=r"The picture has 26\.0 MB; at most 26 MB"):
        from_file(bytes(uploads.MAX_BYTES + 1))


def test_a_drawing_pad_is_read_like_a_picture():
    pad = np.zeros((280, 280, 4), np.uint8)
    pad[...] = 255
    pad[100:180, 60:220, :3] = 0
    found = from_array(pad)
    assert (found[8:20] > 200).all()
    assert (found[:6] < 30).all()
    for same in (pad[..., :3], pad[..., :1], pad[..., 0], pad[..., 0] / 255, pad[..., :3] / 255, pad[..., 0] > 0):
        assert torch.equal(from_array(same), found)


# ---- files of many images


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_many_gives_the_same_images_and_any_range_of_them(tmp_path, name):
    path = written(tmp_path / name, FILES[name])
    assert torch.equal(read_files([path]), FASHION[:5])
    assert torch.equal(read_files([path], first=1, count=3), FASHION[1:4])
    assert len(read_files([path], first=4, count=3)) == 1


@pytest.mark.parametrize(
    "shape", [(5, 28, 28), (5, 28, 28, 1), (5, 1, 28, 28), (5, 784)], ids=lambda shape: "×".join(map(str, shape))
)
@pytest.mark.parametrize("kind", ["bytes", "unit floats", "halves", "floats", "integers", "overshooting"])
def test_arrays_of_every_shape_and_kind_give_the_same_images(tmp_path, shape, kind):
    array = images()
    values = {
        "bytes": array, "unit floats": array / 255, "halves": (array / 255).astype(np.float16), "floats": array * 1.0,
        "integers": array.astype(np.int64), "overshooting": (array / 255 * 1.0001 - 0.00001).astype(np.float32),
    }[kind]  # fmt: skip
    path = written(tmp_path / "a.npy", npy(values.reshape(shape)))
    assert torch.equal(read_files([path]), torch.from_numpy(array))


@pytest.mark.parametrize("shape", [(28, 28), (784,), (28, 28, 1), (1, 28, 28), (1, 784), (1, 28, 28, 1)])
def test_one_image_has_every_shape(tmp_path, shape):
    one = images(1).reshape(shape)
    assert torch.equal(read_files([written(tmp_path / "a.npy", npy(one))]), FASHION[:1])
    if shape not in ((1, 784), (1, 28, 28, 1)):
        assert torch.equal(from_array(one), FASHION[0])


@pytest.mark.parametrize("colours", [3, 4])
def test_arrays_of_coloured_images(tmp_path, colours):
    coloured = np.repeat(images()[..., None], colours, 3)
    coloured[..., 3:] = 255
    assert torch.equal(read_files([written(tmp_path / "a.npy", npy(coloured))]), FASHION[:5])
    photo = np.asarray(drawing(paper=(250, 240, 230), ink=(10, 20, 90), mode="RGB"))
    assert torch.equal(read_files([written(tmp_path / "b.npy", npy(photo))])[0], from_array(photo))


def test_zeros_and_ones_are_black_and_white(tmp_path):
    silhouettes = (images() > 40).astype(np.uint8)
    found = read_files([written(tmp_path / "a.npy", npy(silhouettes))])
    assert torch.equal(found, torch.from_numpy(silhouettes * 255))


def test_the_whole_array_decides_on_the_scale(tmp_path):
    array = images(2) * 1.0
    array[0] = array[0] / 255 * 20
    assert read_files([written(tmp_path / "a.npy", npy(array))], count=1).max() == 20


def test_an_image_in_an_array_is_inverted_like_one_in_a_file(tmp_path):
    path = written(tmp_path / "a.npy", npy(255 - images()))
    assert torch.equal(read_files([path]), FASHION[:5])
    assert torch.equal(read_files([path], invert="never"), 255 - FASHION[:5])
    assert torch.equal(read_files([path], invert="always"), FASHION[:5])


def test_the_order_of_an_array_in_memory_does_not_matter(tmp_path):
    path = written(tmp_path / "a.npy", npy(np.asfortranarray(images().astype(">u2"))))
    assert torch.equal(read_files([path]), FASHION[:5])


def test_images_are_found_among_the_arrays_of_an_archive(tmp_path):
    others = {"classes": np.array(["bag"]), "masks": np.zeros((5, 28, 28)), "notes": np.array([{}], dtype=object)}
    path = written(tmp_path / "mnist.npz", npz(x_train=images(9)[4:], **others, x_test=images(), y_test=np.arange(5)))
    assert torch.equal(read_files([path]), FASHION[:5])


def test_idx_is_read_no_further_than_asked(tmp_path):
    for name, content in {"a.idx": idx()[:2500], "a.gz": gzip.compress(idx())[:-300]}.items():
        path = written(tmp_path / name, content)
        assert torch.equal(read_files([path], first=1, count=2), FASHION[1:3])
        assert "cut short" in refused(path)


def test_the_published_test_files_fit():
    """Fashion-MNIST's test images unzipped, its training images zipped, Keras' mnist.npz and Kaggle's CSV, in bytes."""
    assert max(16 + 784 * 10_000, 26_421_880, 11_490_434, 22_176_541) <= uploads.MAX_BYTES


def test_an_unpacked_test_set_is_read(tmp_path):
    content = idx_of(np.tile(images(), (2000, 1, 1)))
    found = read_files([written(tmp_path / "t10k-images-idx3-ubyte", content)], first=9_998, count=10)
    assert torch.equal(found, FASHION[3:5])


def test_hidden_files_are_passed_over(tmp_path):
    hidden = ["._coat.png", ".DS_Store", "Thumbs.db", "desktop.ini"]
    paths = [written(tmp_path / name, b"\0\5\x16\7" + bytes(100)) for name in [*hidden, "renamed.png"]]
    assert torch.equal(read_files([*paths, written(tmp_path / "a.npy", npy(images(1)))]), FASHION[:1])
    assert "No picture was given" in refused(*paths)


# ---- doubts


def test_a_reading_says_what_is_doubtful_and_offers_the_other_way(tmp_path):
    faint = saved(tmp_path / "faint.png", drawing(paper=250, ink=235))
    clear = saved(tmp_path / "clear.png", drawing())
    found = look_at_files([clear, faint])
    assert torch.equal(found.pixels, read_files([clear, faint]))
    assert found.doubts == [
        "faint.png: little stands out from the background, so the contrast was stretched; what is in the middle "
        "was taken as darker than its background and inverted."
    ]
    assert found.other == "never"
    assert look_at_file(faint).doubts == found.doubts


def test_a_clear_reading_has_no_doubts(tmp_path):
    assert look_at_array(np.asarray(drawing())).doubts == []
    assert look_at_array(np.asarray(drawing())).other == "always"
    path = written(tmp_path / "a.npy", npy(FASHION[:64].numpy()))
    assert look_at_files([path]).doubts == []
    assert look_at_files([saved(tmp_path / "a.png", drawing(paper=250, ink=235))], invert="always").doubts == []


# ---- refusals


def refused(*paths: Path, **options) -> str:
    with pytest.raises(UploadError) as caught:
        read_files(paths, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, world", "not a picture that can be read; accepted are PNG, JPEG"),
        (noise("JPEG")[:2000], "damaged or cut short; accepted are PNG, JPEG"),
        (png_header(6000, 6000), "36.0 megapixels"),
        (encoded("PNG", Image.new("L", (50, 40), 255)), "shows nothing"),
        (b"\0" * (uploads.MAX_BYTES + 1), "has 26.0 MB; at most 26 MB"),
        (idx(magic=0x801), "labels"),
        (idx(side=32), "32×32"),
        (idx(cut=1000), "cut short"),
        (idx(cut=10), "IDX"),
        (idx(n=0), "0 images"),
        (gzip.compress(b"something else", mtime=0), "not a picture"),
        (gzip.compress(idx(magic=0x801)), "labels"),
        (gzip.compress(gzip.compress(idx())), "packed twice"),
        (spoilt(gzip.compress(idx()), 100), "damaged or cut short"),
        (b"\x1f\x8b", "not a picture"),
        (header((-1, 28, 28)), "(-1, 28, 28)"),
        (header((10**12, 784)), "64 MB"),
        (header((2, 784)), "cut short"),
        (npy(np.zeros((3, 27, 28))), "(3, 27, 28)"),
        (npy(np.zeros((280, 280))), "(280, 280)"),
        (npy(np.zeros(())), "()"),
        (npy(np.zeros((28, 28))), "Image 0 of bad.file shows nothing"),
        (npy(np.full((28, 28), np.nan)), "nan"),
        (npy(np.full((28, 28), np.inf)), "inf"),
        (npy(np.full((28, 28), -1)), "-1"),
        (npy(np.full((28, 28), -0.1)), "-0.1"),
        (npy(np.full((28, 28), 300)), "300"),
        (npy(np.full((28, 28), 1j)), "complex"),
        (npy(np.array([{}] * 784).reshape(28, 28), allow_pickle=True), "Python objects"),
        (npy(np.zeros((28, 28)))[:500], "cut short"),
        (npy(np.zeros((1, 20_000, 3), np.uint8)), "20,000"),
        (b"\x93NUMPY\x01\x00\xff\xff", "damaged"),
        (b"\x93NUMPY\x01\x00\x02\x00((", "damaged"),
        (b"\x93NUMPY\x02\x00\xff\xff\x03\x00" + b"(" * 200_000, "damaged"),
        (csv()[:-900], "a row that is not numbers, or not as many"),
        (csv().replace(b"\n1,", b"\nx,"), "a row that is not numbers"),
        (b"1," * 784 + b"1\n" + b"1," * 30_000, "a row of more than 32,768 characters"),
        (b"1," * 3072 + b"1\n", "3,073 columns; accepted are tables of 784 pixels a row"),
        (csv().split(b"\n")[0], "no row 0"),
        (csv(values=np.ones((1, 784), np.uint8))[:-900], "a row that is not numbers, or not as many"),
        (archive({}), "without pictures"),
        (archive({"a\nb.png": b"nothing"}), "a?b.png in bad.file is not a picture"),
        (archive({"a.txt": b"text"}), "a.txt in bad.file is not a picture"),
        (archive({"a.png": bytes(MAX_UNPACKED + 10)}), "unpacks to more than 64 MB"),
        (archive({f"{k}.png": bytes(MAX_UNPACKED // 9) for k in range(10)}), "unpacks to more than 64 MB"),
        (archive({"a.zip": archive(pngs())}), "packed twice"),
        (archive({"a.npy": header((90_000, 784)) + bytes(MAX_UNPACKED)}), "unpacks to more than 64 MB"),
        (archive({"a.npy": b"nonsense"}), "damaged"),
        (archive({"a.npy": npy(np.array([{}] * 784).reshape(28, 28))}), "Python objects"),
        (archive({"a.npy": npy(np.zeros((3, 27, 28)))}), "(3, 27, 28)"),
        (spoilt(archive({"a.npy": npy(images())}), 60), "damaged"),
        (spoilt(archive(pngs()), 60), "damaged"),
        *[(archive(pngs(), kind), "unusual way") for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)],
        (archive(pngs()).replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"), "encrypted"),
        (archive(pngs())[:200], "damaged"),
        (archive({f"{k:0100}": b"" for k in range(8000)}), "far too many files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_gets_one_sentence_with_its_name(tmp_path, content, words):
    message = refused(written(tmp_path / "bad.file", content))
    assert "bad.file" in message
    assert words in message


def test_one_bad_file_refuses_them_all(tmp_path):
    good = saved(tmp_path / "good.png", drawing())
    assert refused(good, written(tmp_path / "bad.png", b"nope")).startswith("bad.png is not a picture")


def test_no_idx_file_is_unpacked_beyond_the_limit(tmp_path):
    content = idx(n=5).replace(struct.pack(">I", 5), struct.pack(">I", 2**32 - 1), 1) + bytes(MAX_UNPACKED)
    path = written(tmp_path / "deep.gz", gzip.compress(content, 1))
    assert "64 MB" in refused(path, first=MAX_UNPACKED // 784)


def test_a_gzip_file_of_a_million_members_costs_no_more_than_its_first(tmp_path):
    path = written(tmp_path / "a.gz", gzip.compress(idx()) + gzip.compress(b"") * 500_000)
    assert torch.equal(read_files([path]), FASHION[:5])


def test_limits_and_ranges(tmp_path):
    good = saved(tmp_path / "good.png", drawing())
    many = written(tmp_path / "many.npy", npy(FASHION[:80].numpy()))
    assert "65 files" in refused(*[good] * 65)
    assert "80 images" in refused(many, count=80)
    assert "65 images" in refused(good, many, first=16)
    assert len(read_files([good, many], first=17)) == 64
    assert "No picture was given" in refused()
    assert "80 images" in refused(many, first=80)
    for wrong in ({"first": -1}, {"count": 0}, {"first": 1.5}, {"count": None}):
        assert "range" in refused(good, **wrong)
    assert "no row 5" in refused(written(tmp_path / "a.csv", csv()), first=5)
    assert "1 columns" in refused(written(tmp_path / "empty.csv", gzip.compress(b"")))
    assert "from 5 on" in refused(written(tmp_path / "a.zip", archive(pngs())), first=5)
    assert "auto, always, never" in refused(good, invert="perhaps")
    assert "cannot be read" in refused(tmp_path)
    assert "missing.png is no longer on the server; upload it again" in refused(tmp_path / "missing.png")


@pytest.mark.parametrize("shape", [(5, 5, 2), (5,), (0, 5), (5, 0, 3), (2, 5, 5, 3), ()])
def test_a_drawing_of_another_shape_is_refused(shape):
    with pytest.raises(UploadError, match="shape"):
        from_array(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [np.nan, -0.1, 300, 1j, "a"])
def test_a_drawing_of_other_numbers_is_refused(value):
    with pytest.raises(UploadError, match="accepted are"):
        from_array(np.full((5, 5), value))


def test_a_drawing_has_the_limits_of_a_picture():
    with pytest.raises(UploadError, match=r"36\.0 megapixels"):
        from_array(np.zeros((6000, 6000), np.uint8))
    with pytest.raises(UploadError, match="auto, always, never"):
        from_array(np.eye(5), "perhaps")


def test_the_page_names_what_is_accepted():
    said = text("ui/texts/uploads.md", files=uploads.MAX_FILES, megabytes=uploads.MAX_BYTES // 2**20)
    for kind in ("JPEG", "PNG", "WebP", "AVIF", "HEIC", "TIFF", "GIF", "BMP", "zip", "CSV", "mnist.npz"):
        assert kind in said
