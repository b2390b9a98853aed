"""Image files: found in every usual layout, verified, and refused in one sentence without leaving anything behind."""

import errno
import gzip
import http.client
import shutil
import ssl
import tempfile
import urllib.error
from pathlib import Path

import pytest
import torch
import torchvision

from fm_core.images import files
from fm_core.images.files import DataError, acquire, load
from fm_core.images.sets import IMAGE_SETS
from tests.image_files import STEMS, contents, small, write


def offline(monkeypatch, error: Exception | None = None) -> None:
    def refuse(*_, download=False, **__):
        raise error or urllib.error.URLError("no route to host")

    for name in ("MNIST", "FashionMNIST"):
        monkeypatch.setattr(torchvision.datasets, name, refuse)


def fake_download(monkeypatch, folder: str, name: str | None = None) -> None:
    """Let torchvision's class `folder` put down the stand-in called `name`, or nothing."""

    def download(root, download):
        if name:
            write(name, Path(root) / folder / "raw")

    monkeypatch.setattr(torchvision.datasets, folder, download)


def pack(folder: Path) -> None:
    """Replace each file by a gzipped one."""
    for path in list(folder.iterdir()):
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def left(root: Path) -> set[str]:
    """Everything under `root`, folders too."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*")} if root.is_dir() else set()


def expected(folder: str) -> set[str]:
    return {folder, f"{folder}/raw", *(f"{folder}/raw/{stem}" for stem in STEMS)}


LAYOUTS = {
    "mnist": [".", "raw", "MNIST/raw", "MNIST", "mnist", "mnist/raw"],
    "fashion": [".", "raw", "FashionMNIST/raw", "FashionMNIST", "fashion", "fashion-mnist", "fashionmnist/raw"],
}


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("name", "layout"), [(name, layout) for name in LAYOUTS for layout in LAYOUTS[name]])
def test_files_are_found_in_every_usual_layout(tmp_path, name, layout, packed, dotted):
    image_set, root = small(name), tmp_path / "root"
    folder = write(name, tmp_path / "source" / layout)
    if dotted:
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace("-idx", ".idx"))
    if packed:
        pack(folder)
    acquire(image_set, root, tmp_path / "source")
    assert left(root) == expected(image_set.folder)
    for train, part in ((True, "train"), (False, "t10k")):
        pixels, labels = load(image_set, train, root)
        assert (pixels.dtype, labels.dtype) == (torch.uint8, torch.int64)
        assert pixels.shape == (len(labels), 28, 28)
        assert pixels.numpy().tobytes() == contents(name)[f"{part}-images-idx3-ubyte"][16:]
        assert labels.tolist() == [k % 10 for k in range(len(pixels))]


def test_the_right_data_set_is_picked_where_a_folder_has_both(tmp_path):
    write("mnist", tmp_path / "source")
    write("fashion", tmp_path / "source" / "fashion")
    acquire(small("fashion"), tmp_path / "root", tmp_path / "source")
    assert left(tmp_path / "root") == expected("FashionMNIST")


@pytest.mark.parametrize("damage", ["truncated", "no gzip file", "the other's files"])
def test_a_layout_that_does_not_serve_is_skipped_where_another_fits(tmp_path, damage):
    write("mnist", tmp_path / "source")
    first = write("fashion" if damage == "the other's files" else "mnist", tmp_path / "source" / "MNIST")
    path = first / STEMS[0]
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "no gzip file":
        path.rename(f"{path}.gz")
    acquire(small("mnist"), tmp_path / "root", tmp_path / "source")
    assert left(tmp_path / "root") == expected("MNIST")


def test_where_no_layout_serves_the_first_is_named(tmp_path):
    for layout, stem in (("MNIST", STEMS[1]), (".", STEMS[2])):
        (write("mnist", tmp_path / "source" / layout) / stem).write_bytes(b"")
    assert STEMS[1] in refused(small("mnist"), tmp_path / "root", tmp_path / "source")


@pytest.mark.parametrize("packed", [False, True])
def test_debians_files_serve_for_fashion_without_a_network(tmp_path, monkeypatch, packed):
    folder = write("fashion", tmp_path / "debian" / "fashion-mnist")
    if packed:
        pack(folder)
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "debian")
    offline(monkeypatch)
    acquire(small("fashion"), tmp_path / "root")
    assert left(tmp_path / "root") == expected("FashionMNIST")
    assert "could not be downloaded" in refused(small("mnist"), tmp_path / "root")


def test_an_empty_folder_of_debian_does_not_stop_the_download(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "DEBIAN", tmp_path)
    fake_download(monkeypatch, "FashionMNIST", "fashion")
    acquire(small("fashion"), tmp_path / "root")
    assert left(tmp_path / "root") == expected("FashionMNIST")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"half")])
def test_a_missing_or_damaged_file_under_the_root_is_replaced(tmp_path, damage):
    raw = write("mnist", tmp_path / "root" / "MNIST" / "raw")
    damage(raw / STEMS[2])
    acquire(small("mnist"), tmp_path / "root", write("mnist", tmp_path / "source"))
    assert {stem: (raw / stem).read_bytes() for stem in STEMS} == contents("mnist")


def test_right_files_are_left_untouched_and_need_no_network(tmp_path, monkeypatch):
    raw = write("mnist", tmp_path / "MNIST" / "raw")
    before = {path: path.stat().st_mtime_ns for path in raw.iterdir()}
    offline(monkeypatch)
    acquire(small("mnist"), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in raw.iterdir()} == before


def refused(image_set, root: Path, source: Path | None = None) -> str:
    before = left(root)
    with pytest.raises(DataError) as caught:
        acquire(image_set, root, source)
    assert left(root) == before
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message  # one sentence
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return message


def test_without_a_network_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "nowhere")
    offline(monkeypatch)
    for name in ("mnist", "fashion"):
        message = refused(small(name), tmp_path / "root")
        assert "could not be downloaded" in message
        assert "--data-source" in message


TORCHVISIONS = """Error downloading train-images-idx3-ubyte.gz:
Tried https://mirror.example/a-long-address/that-goes-on-and-on/mnist/, got:
<urlopen error [Errno -3] Temporary failure in name resolution>
Tried https://other.example/mnist/, got:
<urlopen error [Errno -3] Temporary failure in name resolution>
"""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError(TORCHVISIONS), "(urlopen error [Errno -3] Temporary failure in name resolution)"),
        (RuntimeError("File not found or corrupted."), "(File not found or corrupted)"),
        (urllib.error.HTTPError("https://mirror.example", 503, "Busy", http.client.HTTPMessage(), None), "503: Busy"),
        (http.client.IncompleteRead(b"half"), "IncompleteRead"),
        (http.client.RemoteDisconnected("closed"), "closed"),
        (ssl.SSLError(1, "bad record"), "bad record"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "unreachable"),
        (ConnectionResetError(), "ConnectionResetError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_failed_download_is_a_sentence_with_its_reason(tmp_path, monkeypatch, error, reason):
    offline(monkeypatch, error)
    message = refused(small("mnist"), tmp_path)
    assert "could not be downloaded" in message
    assert reason in message
    assert "--data-source" in message


def test_a_disk_that_fills_up_during_the_download_is_no_network_failure(tmp_path, monkeypatch):
    offline(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    message = refused(small("mnist"), tmp_path)
    assert "cannot be written" in message
    assert "No space left on device" in message


@pytest.mark.parametrize("name", ["fashion", None])
def test_a_download_is_verified(tmp_path, monkeypatch, name):
    fake_download(monkeypatch, "MNIST", name)
    assert "not the published one" in refused(small("mnist"), tmp_path)


def test_a_good_download_is_kept(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fake_download(patch, "MNIST", "mnist")
        acquire(small("mnist"), tmp_path)
    assert left(tmp_path) == expected("MNIST")
    assert load(small("mnist"), True, tmp_path)[0].shape == (21, 28, 28)


def test_the_other_data_sets_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(IMAGE_SETS, "fashion", small("fashion"))
    write("fashion", tmp_path / "source")
    assert "is that of Fashion-MNIST clothes" in refused(small("mnist"), tmp_path / "root", tmp_path / "source")


def test_a_truncated_file_is_refused(tmp_path):
    folder = write("mnist", tmp_path / "source")
    path = folder / STEMS[0]
    path.write_bytes(path.read_bytes()[:-100])
    assert STEMS[0] in refused(small("mnist"), tmp_path / "root", folder)


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"not gzip at all", lambda data: data[:40]])
def test_a_damaged_gzip_file_is_refused(tmp_path, damage):
    folder = write("mnist", tmp_path / "source")
    path = folder / STEMS[0]
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    (folder / f"{STEMS[0]}.gz").write_bytes(damage(packed))
    assert "truncated or not a gzip file" in refused(small("mnist"), tmp_path / "root", folder)


def test_a_folder_without_the_files_is_refused(tmp_path):
    (tmp_path / "source").mkdir()
    assert "does not have the files" in refused(small("mnist"), tmp_path / "root", tmp_path / "source")
    assert "does not have the files" in refused(small("mnist"), tmp_path / "root", tmp_path / "no-such-folder")


def test_what_is_no_file_is_not_found(tmp_path):
    folder = write("mnist", tmp_path / "source")
    assert "does not have the files" in refused(small("mnist"), tmp_path / "root", folder / STEMS[0])
    (folder / STEMS[0]).unlink()
    (folder / STEMS[0]).mkdir()
    assert "does not have the files" in refused(small("mnist"), tmp_path / "root", folder)


def test_a_source_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def locked(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    folder = write("mnist", tmp_path / "source")
    pack(folder)
    monkeypatch.setattr(gzip, "open", locked)
    assert f"{folder / STEMS[0]}.gz cannot be read" in refused(small("mnist"), tmp_path / "root", folder)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_root_that_cannot_be_written_is_a_sentence(tmp_path, below):
    folder = write("mnist", tmp_path / "source")
    (tmp_path / "file").write_bytes(b"")
    message = refused(small("mnist"), tmp_path / "file" / below, folder)
    assert "cannot be written" in message
    assert "--data-root" in message


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_locked_root_is_a_sentence(tmp_path, monkeypatch, code):
    def locked(*_, **__):
        raise OSError(code, "locked")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", locked)
    assert "cannot be written" in refused(small("mnist"), tmp_path, write("mnist", tmp_path / "source"))


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = write("mnist", tmp_path / "source")
    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert "No space left on device" in refused(small("mnist"), tmp_path / "root", folder)


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    folder = write("mnist", tmp_path / "source")
    monkeypatch.setattr(shutil, "copyfileobj", stop)
    with pytest.raises(KeyboardInterrupt):
        acquire(small("mnist"), tmp_path / "root", folder)
    assert left(tmp_path / "root") == set()


def test_an_interrupted_download_leaves_nothing(tmp_path, monkeypatch):
    def stop(root, download):
        (Path(root) / "half").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torchvision.datasets, "MNIST", stop)
    with pytest.raises(KeyboardInterrupt):
        acquire(small("mnist"), tmp_path / "root")
    assert left(tmp_path / "root") == set()


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: b"<html>" * 9])
def test_loading_a_damaged_file_is_a_sentence(tmp_path, damage):
    path = write("mnist", tmp_path / "MNIST" / "raw") / STEMS[0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="not complete"):
        load(small("mnist"), True, tmp_path)


def test_loading_what_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"train_all\.py"):
        load(small("mnist"), True, tmp_path)


def test_the_environment_names_the_root(monkeypatch):
    monkeypatch.setenv("FM_DATA", "/somewhere/else")
    assert files.default_root() == Path("/somewhere/else")
    monkeypatch.delenv("FM_DATA")
    assert files.default_root().name == "data"
