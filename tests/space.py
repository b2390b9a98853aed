"""The project as a Space on Hugging Face has it: its files, its front matter, and app.py started on them."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import SpaceCard

ROOT = Path(__file__).parent.parent
LARGEST = 10_000_000  # bytes of a file that a Space takes without LFS or Xet
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def files() -> list[str]:
    """The paths of what git has, or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if (ROOT / name).is_file()]


def lay(folder: Path, under: tuple[str, ...] = ("",)) -> None:
    """Copy into a folder the files whose paths begin so, without their permissions, which git does not keep either."""
    for name in filter(lambda name: name.startswith(under), files()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)


def front_matter() -> dict[str, Any]:
    """What the README says of the Space."""
    return SpaceCard((ROOT / "README.md").read_text(encoding="utf-8")).data.to_dict()


def problems() -> list[str]:
    """What Hugging Face would refuse or ignore in the files and the front matter; empty if all is well."""
    pinned = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    known, names = front_matter(), files()
    right = {
        "sdk is gradio": known["sdk"] == "gradio",
        "sdk_version is that of requirements.txt": known["sdk_version"] == pinned["gradio"],
        "python_version is a text, as 3.10 is no number": isinstance(known["python_version"], str),
        "app_file is a file": known["app_file"] in names,
        "colours are known": {known["colorFrom"], known["colorTo"]} <= COLOURS,
        "short_description has at most 60 characters": 0 < len(known["short_description"]) <= 60,
        "thumbnail is the address of a file": known["thumbnail"].split("/resolve/main/")[-1] in names,
        "models and datasets are owner/name": all(n.count("/") == 1 for n in known["models"] + known["datasets"]),
        "title, emoji, licence and tags are given": all(known[key] for key in ("title", "emoji", "license", "tags")),
    }
    heavy = [f"{name} has more than 10 MB" for name in names if (ROOT / name).stat().st_size > LARGEST]
    return [f"not so: {rule}" for rule, holds in right.items() if not holds] + heavy


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[str]:
    """Start the app with these arguments of `Popen`, and give the address that it prints; Ctrl-C ends it.

    Raises AssertionError with all that it printed if it ends by itself, or with an error.
    """
    app = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    printed = []
    try:
        for line in app.stdout or ():
            printed.append(line)
            if found := re.search(r"Running on local URL:\s+(\S+)", line):
                yield found[1]
                break
    finally:
        app.send_signal(signal.SIGINT)
        printed.append(app.communicate()[0])
    assert (app.returncode, "Traceback" in "".join(printed)) == (0, False), "".join(printed)
