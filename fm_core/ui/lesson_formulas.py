"""Formulas in LaTeX as MathML, which browsers draw by themselves and screen readers read."""

import re
from functools import cache
from html import escape

_INLINE = re.compile(r"\$([^$]+)\$([.,;:?!)]*)")


def with_formulas(html: str) -> str:
    """The text with each formula between dollars as MathML, in one line with the punctuation after it.

    >>> with_formulas("as $t$ grows").startswith('as <math alttext="t" xmlns=')
    True
    """
    return _INLINE.sub(lambda found: _with_its_sign(formula(found[1], "inline"), found[2]), html)


def _with_its_sign(formula: str, sign: str) -> str:
    return f'<span class="fm-whole">{formula}{sign}</span>' if sign else formula


@cache
def formula(latex: str, display: str = "block") -> str:
    """A formula as MathML, in its line ("inline") or in a line of its own ("block")."""
    from latex2mathml.converter import convert  # when the first lesson is opened

    return convert(latex, display=display).replace("<math", f'<math alttext="{escape(latex)}"', 1)
