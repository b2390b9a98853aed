"""What the documentation shows runs: the examples of docstrings, and the README's Python."""

import doctest
import importlib
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "fm_core").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def readme_blocks() -> list[str]:
    """The indented blocks under the README's heading "From Python"; a block may have empty lines within."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## From Python\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.strip()]
    groups = groupby(lines, key=lambda line: line.startswith("    "))
    return ["\n".join(line[4:] for line in group) for indented, group in groups if indented]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_say(module):
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_readmes_python_runs():
    blocks = [block for block in readme_blocks() if block.startswith(("from fm_core", "import torch"))]
    assert blocks
    for block in blocks:
        if "gradio_client" not in block:
            exec(compile(block, "README.md", "exec"), {})
