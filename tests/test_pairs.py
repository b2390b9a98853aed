"""Runs of training pairs: what they are, what they measure, and what the service answers of them."""

import asyncio
import io
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Route, expect
from scipy.optimize import linear_sum_assignment

from fm_core.library import Library, exact_flow
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.flow import always
from fm_core.maths.schedules import SCHEDULES
from fm_core.playground import Run, pair_paths
from fm_core.refusals import SettingsError
from fm_core.settings import CUSTOM, GROUPS, PairSettings, PairSide
from fm_core.ui.exports import work
from fm_core.ui.form import PAIRS
from fm_core.ui.pairs import offer_pairs, pair_packets
from fm_core.ui.service import Service
from fm_core.ui.snippets import file_name, snippet
from fm_core.ui.wire import joined, unpack

LAYERS = ("density", "particles", "trails", "paths", "arrows", "exact", "difference")
SPIN = PairSide(CUSTOM, a=1, b=0.75, steps=20)


def one(side: PairSide, **shared: Any) -> Run:
    (run,) = pair_paths(PairSettings(**shared, sides=(side,)))
    return run


def sent(*sides: PairSide, **shared: Any) -> list[dict]:
    """The sides of the whole packet."""
    settings = PairSettings(**shared, sides=sides)
    return unpack(joined(pair_packets(settings, pair_paths(settings))).to_program())["sides"]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("coupling", ["independent", "ot"])
def test_a_path_is_the_mixture_of_its_pair_and_its_velocity_the_derivative(schedule, coupling):
    side = PairSide(schedule, coupling=coupling, steps=7)
    run = one(side, particles=150, seed=3)
    assert run.partners is not None
    x_0, x_1 = run.trajectory.x[0].double(), run.partners.double()
    t = torch.linspace(0, 1, 8, dtype=torch.float64)[:, None, None]
    path = SCHEDULES[schedule]
    torch.testing.assert_close(run.trajectory.x.double(), path.alpha(t) * x_0 + path.beta(t) * x_1, rtol=0, atol=1e-5)
    _, slope = torch.autograd.functional.jvp(lambda t: path.alpha(t) * x_0 + path.beta(t) * x_1, t, torch.ones_like(t))
    assert isinstance(slope, torch.Tensor)
    inner = slice(1, -1)  # exact zeros at the ends hide the derivative there
    torch.testing.assert_close(run.trajectory.v.double()[inner], slope[inner], rtol=1e-3, atol=1e-3)
    assert torch.equal(run.trajectory.x[-1], run.partners)
    assert run.trajectory.nfe == 0


def test_the_start_is_that_of_every_flow_and_both_sides_have_the_same_data():
    first, second = pair_paths(PairSettings(seed=5, sides=(PairSide(), PairSide("cosine", coupling="ot", group=8))))
    assert torch.equal(first.trajectory.x[0], exact_flow("moons", "linear").draw(2000, 5))
    assert torch.equal(first.trajectory.x[0], second.trajectory.x[0])
    ends = [sorted(run.trajectory.x[-1].tolist()) for run in (first, second)]
    assert ends[0] == ends[1]
    assert not torch.equal(first.trajectory.x[-1], second.trajectory.x[-1])


def test_data_are_not_those_that_w2_compares_them_with():
    run = one(PairSide())
    assert 0.5 * run.floor < run.samples.distance(50) < 2 * run.floor


@pytest.mark.parametrize("group", GROUPS)
def test_optimal_transport_is_cheapest_within_each_of_its_groups(group):
    shared = {"particles": 700, "seed": 1}
    loose, tight = (one(PairSide(coupling=c, group=group), **shared) for c in ("independent", "ot"))
    for k in range(0, 700, group):
        x_0, x_1 = (run[k : k + group].double() for run in (loose.trajectory.x[0], loose.trajectory.x[-1]))
        costs = ((x_0[:, None] - x_1) ** 2).sum(2).numpy()
        rows, columns = linear_sum_assignment(costs)
        found = ((tight.trajectory.x[-1][k : k + group].double() - x_0) ** 2).sum().item()
        assert found == pytest.approx(costs[rows, columns].sum(), rel=1e-5)


def test_larger_groups_bring_partners_nearer_and_let_fewer_lines_cross():
    sides = [PairSide()] + [PairSide(coupling="ot", group=group, steps=2) for group in GROUPS]
    figures = [sent(side)[0]["statistics"] for side in sides]
    for name in ("distance2", "crossing"):
        values = [statistics[name] for statistics in figures]
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.7 * values[0]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_the_mean_squared_distance_of_independent_pairs_is_that_of_the_moments(source, target):
    a, b = SOURCES[source], TARGETS[target]
    expected = ((a.mean - b.mean) ** 2 + a.variance + b.variance).sum().item()
    (side,) = sent(PairSide(steps=1), source=source, target=target, particles=5000)
    assert side["statistics"]["distance2"] == pytest.approx(expected, rel=0.06)


def test_the_crossing_lines_are_counted_as_segments_that_meet():
    """By solving for the point where two lines meet, for every pair of lines."""
    (side,) = sent(PairSide(steps=1), particles=100)
    run = one(PairSide(steps=1), particles=100)
    p, r = run.trajectory.x[0].double().numpy(), np.diff(run.trajectory.x.double().numpy(), axis=0)[0]
    met = [meets(p[i], r[i], p[j], r[j]) for i in range(100) for j in range(i)]
    assert side["statistics"]["crossing"] == pytest.approx(np.mean(met), abs=4 * math.sqrt(0.25 / 10_000))


def meets(p: np.ndarray, r: np.ndarray, q: np.ndarray, s: np.ndarray) -> bool:
    """Whether p + u r = q + w s for some u and w in [0, 1]."""
    where = np.linalg.solve(np.stack([r, -s], 1), q - p)
    return bool(((where >= 0) & (where <= 1)).all())


@pytest.mark.parametrize("steps", [2, 10, 40])
def test_central_differences_of_a_cosine_are_off_by_the_sinc_of_a_step(steps):
    """(sin ω(t + h) − sin ω(t − h)) / 2h = ω cos ωt · sin(ωh) / ωh, and alike for the cosine."""
    (side,) = sent(PairSide("cosine", steps=steps))
    angle = math.pi / 2 / steps
    first, *found, last = side["statistics"]["difference"]
    assert (first, last) == (None, None)
    assert found == pytest.approx([1 - math.sin(angle) / angle] * (steps - 1), rel=1e-2)


def test_central_differences_of_straight_and_of_quadratic_paths_are_exact():
    for schedule in ("linear", "quadratic"):
        (side,) = sent(PairSide(schedule, steps=50))
        assert len(side["statistics"]["difference"]) == 51
        assert max(side["statistics"]["difference"][1:-1]) < 1e-4


def test_one_step_has_no_inner_state_and_a_path_that_stands_still_no_error():
    assert sent(PairSide(steps=1))[0]["statistics"]["difference"] == [None, None]
    (still,) = sent(PairSide(CUSTOM, a=0, b=0, steps=4))
    assert still["statistics"]["difference"] == [None, 0, 0, 0, None]
    assert still["end"] == [1, 0]


@pytest.mark.parametrize(
    "side",
    [PairSide(), PairSide("cosine"), SPIN, *(PairSide(coupling="ot", group=group) for group in (2, 32, 512))],
)
@pytest.mark.parametrize("source", SOURCES)
def test_the_measured_variance_lies_around_theory(side, source):
    """With optimal transport through Cov(X_0, X_1), which other pairs measure; 4.5 standard errors, for 21 states."""
    (found,) = sent(side, source=source, target="circles", seed=11)
    theory, t = found["theory"], found["t"]
    for measured, expected, error in zip(
        found["statistics"]["variance"], theory["values"], theory["errors"], strict=True
    ):
        expected, error = (np.interp(t, theory["t"], series) for series in (expected, error))
        assert (np.abs(np.array(measured) - expected) < 4.5 * error + 0.01).all()
    assert found["correlated"] == (side.coupling == "ot")


def test_the_header_says_what_the_player_shows():
    settings = PairSettings(particles=100, sides=(SPIN, PairSide(coupling="ot", group=8)))
    tree = unpack(joined(pair_packets(settings, pair_paths(settings))).to_program())
    first, second = tree["sides"]
    assert (tree["kind"], tree["source"], tree["target"], tree["particles"]) == ("points", "N(0, I)", "Moons", 100)
    for side in tree["sides"]:
        assert (side["velocity"], side["nfe"], side["fields"], side["flow_map"]) == ("pairs", 0, {}, None)
        assert side["statistics"]["exact"] == []
        assert side["distances"]["states"][-1] == side["steps"]
    assert (first["schedule"], first["formula"]) == ("custom (1π, 0.75π)", "α = cos πt, β = sin 0.75πt")
    assert first["end"] == pytest.approx([-1, math.sqrt(1 / 2)], rel=1e-4)
    assert (first["group"], second["group"], second["end"]) == (None, 8, [0, 1])
    assert first["title"] == "custom (1π, 0.75π) · independent pairs · 20 steps"
    assert second["title"] == "linear · optimal transport in groups of 8 · 50 steps"
    assert [side["flow"] for side in tree["sides"]] == ["moons-custom-1-0.75-pairs", "moons-linear-ot8-pairs"]


def test_sides_that_differ_in_what_is_not_used_are_called_alike():
    titles = [side["title"] for side in sent(PairSide(a=2, group=8), PairSide(b=1))]
    assert titles == ["linear", "linear"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"a": 2.6}, "a must be a number from 0 to 2.5 in steps of 0.01, not 2.6."),
        ({"b": -0.1}, "b must be a number from 0 to 2.5 in steps of 0.01, not -0.1."),
        ({"b": 0.123}, "b must be a number from 0 to 2.5 in steps of 0.01, not 0.123."),
        ({"a": "0.5"}, "a must be a number from 0 to 2.5 in steps of 0.01, not '0.5'."),
        ({"a": True}, "a must be a number from 0 to 2.5 in steps of 0.01, not True."),
        ({"a": float("nan")}, "a must be a number from 0 to 2.5 in steps of 0.01, not nan."),
        ({"a": 10**400}, "a must be a number from 0 to 2.5 in steps of 0.01, not 1000"),
        ({"schedule": "cubic"}, "schedule must be one of linear, cosine, quadratic, vp, custom, not 'cubic'."),
        ({"group": 4}, "group must be one of 2, 8, 32, 128, 512, not 4."),
        ({"steps": 201}, "steps must be a whole number from 1 to 200, not 201."),
        ({"coupling": "best"}, "coupling must be one of independent, ot, not 'best'."),
    ],
)
def test_a_wrong_side_is_refused_in_one_sentence(wrong, sentence):
    with pytest.raises(SettingsError) as caught:
        PairSide(**wrong)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) < 200


def test_factors_may_be_any_kind_of_number():
    side = PairSide(a=1, b=np.float64(0.1) + 0.2)  # pyright: ignore[reportArgumentType]
    assert (side.a, side.b) == (1.0, 0.3)
    assert (type(side.a), type(side.b)) == (float, float)


@pytest.mark.parametrize(
    "settings",
    [
        PairSettings(),
        PairSettings("circles", "eight-gaussians", 100, 7, (PairSide("vp"), SPIN)),
        PairSettings(sides=(PairSide(coupling="ot", group=2), PairSide(a=2.25, steps=3))),
    ],
)
def test_an_address_opens_the_settings_it_was_made_from(settings):
    texts = {name: str(value) for name, value in PAIRS.to_query(settings).items()}
    assert PAIRS.from_query(texts) == (settings, [])
    assert PAIRS.unflatten(PAIRS.flatten(settings)) == settings


def test_the_form_says_what_is_accepted():
    assert PAIRS.accepted("a_b") == "a number from 0 to 2.5 in steps of 0.01"
    assert PAIRS.accepted("steps") == "a whole number from 1 to 200"
    assert PAIRS.from_query({"a": "much", "b": "0.25"})[1][0].args[0].startswith("a must be a number from 0 to 2.5")


SAVED = PairSettings("circles", particles=100, seed=4, sides=(SPIN, PairSide(coupling="ot", group=8, steps=3)))


@pytest.mark.parametrize("settings", [SAVED, PairSettings(particles=100)])
def test_the_program_of_pairs_computes_the_same_paths(settings):
    names: dict[str, Any] = {}
    exec(compile(snippet(settings), "snippet", "exec"), names)
    ends = ["_a", "_b"] if len(settings.sides) > 1 else [""]
    for end, run in zip(ends, pair_paths(settings), strict=True):
        assert names[f"run{end}"] == run.trajectory


def test_a_file_of_pairs_is_named_after_them_and_holds_their_states():
    name = "circles-custom-1-0.75-pairs-20-vs-circles-linear-ot8-pairs-3-seed4"
    assert file_name(SAVED, "npz") == f"{name}.npz"
    (saved,) = work("npz", SAVED, lambda check: pair_paths(SAVED, check)).compute(always)
    arrays = np.load(io.BytesIO(saved.content), allow_pickle=False)
    for letter, run in zip("ab", pair_paths(SAVED), strict=True):
        assert np.array_equal(arrays[f"x_{letter}"], run.trajectory.x.numpy())
        assert np.array_equal(arrays[f"v_{letter}"], run.trajectory.v.numpy())


def test_a_run_of_pairs_that_nobody_waits_for_ends_at_the_next_side():
    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        pair_paths(PairSettings(), check)


@pytest.fixture(scope="module")
def service(library: Library) -> Service:
    service = Service(library)
    offer_pairs(service)
    return service


def answers(service: Service, want: str = "run", **values: Any) -> Iterator[dict]:
    """The headers of the answer."""

    async def collect() -> list[bytes]:
        body = {"visitor": "anna", "want": want, "values": PAIRS.defaults | values}
        return [part async for part in service.messages("pairs", body)]

    for part in asyncio.run(collect()):
        yield json.loads(part.partition(b"\n")[0])


def test_the_service_answers_with_the_run_and_then_its_distance(service):
    updates, shown, figures = (header for header in answers(service, steps=3) if "before" not in header)
    assert updates == {"updates": {}}
    assert shown["sides"][0]["velocity"] == "pairs"
    assert {block["name"] for block in shown["blocks"]} == {"density", "sides.0.t", "sides.0.x"}
    assert figures["sides"][0]["distances"]["states"] == [3]
    *_, more = answers(service, "more", steps=3)
    assert more["sides"][0]["distances"]["states"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a": "x"}, "a must be a number from 0 to 2.5 in steps of 0.01, not 'x'."),
        ({"compare": 1}, "compare must be true or false, not 1."),
        ({"particles": 99}, "particles must be a whole number from 100 to 5000, not 99."),
        ({"want": "exe"}, "kind must be one of npz, py, not 'exe'."),
        ({"other": 1}, "The values must be those of target, source"),
    ],
)
def test_the_service_refuses_in_one_sentence(service, values, sentence):
    *_, last = answers(service, **values)
    assert last["refused"].startswith(sentence)


def test_the_player_shows_pairs_without_network_arrows_or_evaluations(visit, address):
    """In the 2D tab, whose requests are answered by pairs."""

    def answer(route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        pairs = {**body, "values": PAIRS.defaults | {"particles": 100, "steps": 4}}
        route.fulfill(response=route.fetch(url=route.request.url.replace("points", "pairs"), post_data=pairs))

    page = visit(address, "?t=1", before=lambda page: page.route("**/fm/points", answer))
    player = page.locator("#points-player .fm-player")
    expect(player.locator(".fm-say")).to_contain_text(
        "Each point is at its partner, so together they are data: distance W₂"
    )
    expect(player.locator(".fm-spent")).to_have_text(" · no network")
    expect(player.locator(".fm-numbers tbody td")).to_have_text([
        "4 of 4", "0", re.compile(r"^\d\.\d\d → \d\.\d\d$"), "–", re.compile(r"^\d\.\d\d \(chance alone: \d\.\d\d\)$")
    ])  # fmt: skip
    seen = [layer for layer in LAYERS if player.locator(f"[data-layer={layer}]").is_visible()]
    assert seen == ["density", "particles", "trails", "paths"]
