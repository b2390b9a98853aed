"""Small pictures of the choices, as a style sheet: densities of data, curves of schedules, pictures of clothes."""

import base64
import io
from pathlib import Path
from urllib.parse import quote

import numpy as np
import torch
from PIL import Image

from fm_core.image_settings import CLOTHES, ONE_OF_EACH, TranslateSettings
from fm_core.maths.distributions import SOURCES, TARGETS, Distribution
from fm_core.maths.schedules import SCHEDULES, Schedule
from fm_core.ui.presets import COMPARISONS

SIZE, REACH = 64, 2.4  # pixels, and standard deviations from the mean to the border
GREY = (100, 116, 139)  # visible on light and on dark


def density_picture(distribution: Distribution) -> str:
    """The density as the opacity of grey pixels, as the URL of a PNG."""
    reach = REACH * distribution.variance.max().sqrt().item()
    axis = torch.linspace(-reach, reach, SIZE)
    points = torch.cartesian_prod(-axis, axis).flip(1) + distribution.mean
    density = distribution.density(points).view(SIZE, SIZE)
    pixels = np.empty((SIZE, SIZE, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = GREY, (255 * (density / density.max()).sqrt()).round().byte().numpy()
    return _png(Image.fromarray(pixels, "RGBA"))


def schedule_picture(schedule: Schedule) -> str:
    """alpha in grey and beta in blue against t, as the URL of an SVG."""
    t = torch.linspace(0, 1, 33)
    lines = []
    for values, colour in ((schedule.alpha(t), "#64748b"), (schedule.beta(t), "#3b82f6")):
        places = zip(t.tolist(), values.tolist(), strict=True)
        points = " ".join(f"{5 + 54 * x:.1f},{45 - 40 * y:.1f}" for x, y in places)
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 50">{"".join(lines)}</svg>'
    return _svg(svg)


def clothes_picture(clothes: str) -> str:
    """The first picture of this class, light on dark, as the URL of a PNG; four classes for one of each."""
    pixels = TranslateSettings(clothes=clothes).pixels.numpy()
    if clothes == ONE_OF_EACH:
        return _png(Image.fromarray(np.block([[pixels[0], pixels[7]], [pixels[8], pixels[3]]])))
    return _png(Image.fromarray(pixels[0]))


def _svg(text: str) -> str:
    return f"data:image/svg+xml,{quote(text)}"


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def style_sheet() -> str:
    """Gives each choice in a `.fm-pictures` menu its picture, by the choice's value, each comparison its data's, and
    the buttons for new noise a die.
    """
    pictures = {name: density_picture(entry) for name, entry in (SOURCES | TARGETS).items()}
    pictures |= {name: schedule_picture(entry) for name, entry in SCHEDULES.items()}
    pictures |= {name: clothes_picture(name) for name in CLOTHES}
    places = {f'.fm-pictures label:has([value="{name}"])': picture for name, picture in pictures.items()}
    places |= {f"#points-compare-{k}": pictures[entry.settings.target] for k, entry in enumerate(COMPARISONS)}
    rules = [f'{place}::before {{ background-image: url("{picture}"); }}' for place, picture in places.items()]
    die = _svg((Path(__file__).parent / "die.svg").read_text(encoding="utf-8"))
    return "\n".join([*rules, f'.fm-dice::before {{ content: url("{die}"); width: 1.2em; height: 1.2em; }}'])
