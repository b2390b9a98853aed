"""Comparisons worth seeing; each entry makes a button. Pure data, no Gradio."""

from fm_core.settings import Settings, Side

PRESETS: dict[str, Settings] = {
    "Linear / cosine on N((1, 1), I)": Settings("gaussian", sides=(Side("linear"), Side("cosine"))),
    "5 / 50 steps": Settings(sides=(Side(steps=5), Side(steps=50))),
    "Euler / RK4 at NFE 40": Settings("swiss-roll", sides=(Side(steps=40), Side(steps=10, solver="rk4"))),
    "Independent / optimal transport": Settings("eight-gaussians", sides=(Side(), Side(coupling="ot"))),
    "Learned / exact": Settings("spirals", sides=(Side(), Side(velocity="exact"))),
    "Linear / ReLU output layer": Settings(sides=(Side(), Side(velocity="relu-output"))),
}
