"""What the page says of a person's own pictures: where they come from, what is doubtful, and how to turn that round."""

from collections.abc import Sequence

import gradio as gr

_CSS = """p { margin: 2px 0; }
button { min-height: 32px; padding: 4px 10px; border: 1px solid var(--border-color-primary); border-radius: 8px;
  background: var(--background-fill-primary); color: var(--body-text-color); font-size: 12px; cursor: pointer; }
button[hidden] { display: none; }"""
_SHOW = """const [said, button] = element.querySelectorAll("[role=status], button");
const show = () => {
  const { words = "", doubts = [], count = 0 } = props.value || {};
  const texts = [words, ...doubts].filter(Boolean);
  said.replaceChildren(...texts.map((textContent) => Object.assign(document.createElement("p"), { textContent })));
  if (!doubts.length && document.activeElement === button) said.focus();
  button.hidden = !doubts.length;
  button.textContent = doubts.length ? `Show ${count > 1 ? "them" : "it"} the other way` : "";
};
button.onclick = () => trigger("other");
watch("value", show);
show();"""


class InUse(gr.HTML):
    """The value is that of `used`, or None. All of it is shown as text. Event `other`: the other way is asked for."""

    def __init__(self, elem_id: str):
        super().__init__(
            value=None,
            html_template='<div role="status" tabindex="-1"></div><button type="button" hidden></button>',
            css_template=_CSS,
            js_on_load=_SHOW,
            apply_default_css=False,
            elem_id=elem_id,
        )


def used(words: str, count: int, doubts: Sequence[str] = (), other: str = "") -> dict:
    """What is said of so many pictures; `other` is the `invert` that shows them the other way."""
    return {"words": words, "count": count, "doubts": list(doubts), "other": other}
