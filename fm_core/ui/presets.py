"""Questions worth asking; each entry makes a button that compares two runs. Pure data, no Gradio."""

from dataclasses import dataclass

from fm_core.settings import Settings, Side


@dataclass(frozen=True)
class Comparison:
    """The question, what to watch for its answer, and the settings that show it."""

    title: str
    watch: str
    settings: Settings


COMPARISONS = [
    Comparison(
        "Why does the cloud shrink?",
        "the curve: linear dips to half the variance halfway, cosine keeps it at 1.",
        Settings("gaussian", sides=(Side("linear"), Side("cosine"))),
    ),
    Comparison(
        "How many steps are enough?",
        "where the particles end: with 5 steps off the moons, with 50 on them.",
        Settings(sides=(Side(steps=5), Side(steps=50))),
    ),
    Comparison(
        "Same cost, better solver?",
        "the curve at the end: both call the network 20 times, but RK4 looks ahead in each of its 5 steps.",
        Settings("swiss-roll", sides=(Side(steps=20), Side(steps=5, solver="rk4"))),
    ),
    Comparison(
        "Can paths be straighter?",
        "the paths: pairing noise with nearby data makes them straighter.",
        Settings("eight-gaussians", sides=(Side(), Side(coupling="ot"))),
    ),
    Comparison(
        "How good is the network?",
        "the same particles under the network and the exact formula: the flow-map error is how far apart they end.",
        Settings("spirals", sides=(Side(), Side(velocity="exact"))),
    ),
    Comparison(
        "What does a last ReLU break?",
        "the direction of the paths: with a ReLU at its end the network can only push right and up.",
        Settings(sides=(Side(), Side(velocity="relu-output"))),
    ),
    Comparison(
        "What does noise change?",
        "the paths, which become random, and the curves, which stay the same: with noise it is a diffusion model.",
        Settings("circles", sides=(Side(), Side(noise=1.0))),
    ),
]
