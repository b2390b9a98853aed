"""Formulas in LaTeX as MathML, which browsers draw by themselves and screen readers read."""

import re
from functools import cache
from html import escape

_INLINE = re.compile(r"\$([^$]+)\$")


def with_formulas(html: str) -> str:
    """The text with each formula between dollars as MathML.

    >>> with_formulas("as $t$ grows").startswith('as <math alttext="t" xmlns=')
    True
    """
    return _INLINE.sub(lambda found: formula(found[1], "inline"), html)


@cache
def formula(latex: str, display: str = "block") -> str:
    """A formula as MathML, in its line ("inline") or in a line of its own ("block")."""
    from latex2mathml.converter import convert  # when the first lesson is opened

    return convert(latex, display=display).replace("<math", f'<math alttext="{escape(latex)}"', 1)
