"""The prose of the page and of the tables, kept in Markdown files beside the code that shows it."""

from pathlib import Path


def text(path: str, **values: object) -> str:
    """The file at this path in `fm_core`, its braces filled with the values."""
    return (Path(__file__).parent / path).read_text(encoding="utf-8").format(**values)
