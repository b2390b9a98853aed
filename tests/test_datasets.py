"""Image files: found in every usual layout, verified, and refused in one sentence without leaving anything behind."""

import errno
import gzip
import urllib.error
from pathlib import Path

import pytest
import torch
import torchvision

from fm_core import datasets
from fm_core.datasets import DataError, acquire, load
from tests.image_files import STEMS, contents, small, write


def offline(monkeypatch, error: Exception | None = None) -> None:
    def refuse(*_, download=False, **__):
        raise error or urllib.error.URLError("no route to host")

    for name in ("MNIST", "FashionMNIST"):
        monkeypatch.setattr(torchvision.datasets, name, refuse)


def left(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} if root.exists() else set()


EXPECTED = {f"FashionMNIST/raw/{stem}" for stem in STEMS}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "layout",
    [".", "raw", "FashionMNIST/raw", "FashionMNIST", "fashion", "fashion-mnist", "fashionmnist/raw"],
)
def test_files_are_found_in_every_usual_layout(tmp_path, layout, packed):
    folder = write("fashion", tmp_path / "source" / layout)
    if packed:
        for path in list(folder.iterdir()):
            Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    acquire(small("fashion"), tmp_path / "root", tmp_path / "source")
    assert left(tmp_path / "root") == EXPECTED
    pixels, labels = load(small("fashion"), True, tmp_path / "root")
    assert pixels.numpy().tobytes() == contents("fashion")["train-images-idx3-ubyte"][16:]
    assert labels.tolist() == [k % 10 for k in range(len(pixels))]


def test_names_with_a_dot_are_found(tmp_path):
    folder = write("mnist", tmp_path / "source")
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("-idx", ".idx"))
    acquire(small("mnist"), tmp_path / "root", folder)
    assert load(small("mnist"), False, tmp_path / "root")[0].shape[1:] == (28, 28)


def test_the_right_data_set_is_picked_where_a_folder_has_both(tmp_path):
    write("mnist", tmp_path / "source")
    write("fashion", tmp_path / "source" / "fashion")
    acquire(small("fashion"), tmp_path / "root", tmp_path / "source")
    assert left(tmp_path / "root") == EXPECTED


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
    assert "\n" not in message
    return message


def test_without_a_network_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "DEBIAN", tmp_path / "nowhere")
    offline(monkeypatch)
    for name in ("mnist", "fashion"):
        message = refused(small(name), tmp_path / "root")
        assert "could not be downloaded" in message
        assert "--data-source" in message


@pytest.mark.parametrize(
    "error", [RuntimeError("File not found or corrupted."), ConnectionResetError(), TimeoutError()]
)
def test_a_failed_download_is_a_sentence(tmp_path, monkeypatch, error):
    offline(monkeypatch, error)
    assert "could not be downloaded" in refused(small("mnist"), tmp_path)


def test_a_download_is_verified(tmp_path, monkeypatch):
    def download(root, download):
        write("fashion", Path(root) / "MNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "MNIST", download)
    assert "not the published one" in refused(small("mnist"), tmp_path)


def test_a_good_download_is_kept(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            torchvision.datasets, "MNIST", lambda root, download: write("mnist", Path(root) / "MNIST" / "raw")
        )
        acquire(small("mnist"), tmp_path)
    assert load(small("mnist"), True, tmp_path)[0].shape == (21, 28, 28)


def test_the_other_data_sets_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "IMAGE_SETS", {name: small(name) for name in ("mnist", "fashion")})
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


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = write("mnist", tmp_path / "source")
    monkeypatch.setattr(datasets.shutil, "copyfileobj", full)
    assert "No space left on device" in refused(small("mnist"), tmp_path / "root", folder)


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    folder = write("mnist", tmp_path / "source")
    monkeypatch.setattr(datasets.shutil, "copyfileobj", stop)
    with pytest.raises(KeyboardInterrupt):
        acquire(small("mnist"), tmp_path / "root", folder)
    assert left(tmp_path / "root") == set()


def test_loading_what_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"train_all\.py"):
        load(small("mnist"), True, tmp_path)


def test_the_environment_names_the_root(monkeypatch):
    monkeypatch.setenv("FM_DATA", "/somewhere/else")
    assert datasets.default_root() == Path("/somewhere/else")
    monkeypatch.delenv("FM_DATA")
    assert datasets.default_root().name == "data"


def test_samples_are_the_first_of_each_class(tmp_path):
    from safetensors.torch import load_file

    for name, folder in (("mnist", "MNIST"), ("fashion", "FashionMNIST")):
        write(name, tmp_path / folder / "raw")
    datasets.write_samples(tmp_path, tmp_path / "samples.safetensors", per_class=2)
    tensors = load_file(tmp_path / "samples.safetensors")
    pixels, labels = load(small("mnist"), False, tmp_path)
    assert tensors["mnist.labels"].tolist() == [digit for digit in range(10) for _ in range(2)]
    assert torch.equal(tensors["mnist.pixels"][:2], pixels[labels == 0][:2])
