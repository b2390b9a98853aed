"""What lies between the page and the playground: the wire, the address, the menus, the presets."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from fm_core.library import Library, exact_flow
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.flow import Flow
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.catalogue import CATALOGUE
from fm_core.playground import add_references, simulate
from fm_core.refusals import SettingsError
from fm_core.settings import VELOCITIES, Settings, Side
from fm_core.ui.form import POINTS
from fm_core.ui.menus import menu
from fm_core.ui.point_packet import point_packets, window
from fm_core.ui.presets import COMPARISONS
from fm_core.ui.wire import Block, Packet, joined, rounded_to, unpack

TWO = Settings("moons", particles=300, sides=(Side(steps=3), Side("cosine", steps=5, solver="rk4")))


def parts(library: Library, settings: Settings) -> Iterator[Packet]:
    refer = partial(add_references, library, settings)
    return (part.packet for part in point_packets(settings, simulate(library, settings), refer, {}))


def packet(library: Library, settings: Settings) -> dict:
    return joined(parts(library, settings)).to_program()


def test_a_packet_comes_back_as_it_was_packed():
    x, density = torch.linspace(-3, 2, 24).view(2, 6, 2), torch.linspace(0, 1, 9).view(3, 3)
    blocks = {
        "sides.0.x": rounded_to(torch.int16, x),
        "sides.1.fields.exact": rounded_to(torch.int8, x, limit=2.5),
        "density": rounded_to(torch.uint8, density, limit=1),
        "sides.0.t": Block(np.linspace(0, 1, 5, dtype=np.float32)),
    }
    value = Packet({"sides": [{}, {}], "seed": 3}, blocks).to_program()
    tree = unpack(value)
    assert tree["seed"] == 3
    assert np.abs(tree["sides"][0]["x"] - x.numpy()).max() <= 3 / 32767
    assert np.abs(tree["sides"][1]["fields"]["exact"] - x.numpy().clip(-2.5, 2.5)).max() <= 2.5 / 127 / 2 + 1e-6
    assert np.abs(tree["density"] - density.numpy()).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(tree["sides"][0]["t"], blocks["sides.0.t"].values)
    assert value["header"]["sides"] == [{}, {}]


def test_every_block_of_a_packet_stands_at_a_multiple_of_its_numbers_size():
    three = np.arange(3)
    blocks = {name: Block(three.astype(name)) for name in ("uint8", "float32", "int16", "int8")}
    offset = 0
    for block in Packet({}, blocks).to_program()["header"]["blocks"]:
        size = np.dtype(block["type"]).itemsize
        assert offset % size == 0
        offset += 3 * size


def test_a_packet_that_is_longer_than_it_says_is_refused():
    value = Packet({}, {"x": Block(np.zeros(2, np.uint8))}).to_program()
    with pytest.raises(ValueError, match="3 bytes, but describes 2"):
        unpack(value | {"data": "AAAA"})


def test_a_packet_returns_states_and_times_to_a_ten_thousandth_of_their_range(library):
    for run, side in zip(simulate(library, TWO), unpack(packet(library, TWO))["sides"], strict=True):
        sent = run.trajectory.x.numpy()
        assert np.abs(side["x"] - sent).max() <= 1e-4 * np.abs(sent).max()
        assert np.array_equal(side["t"], run.trajectory.t.numpy())


def test_the_picture_of_both_sides_comes_before_the_exact_field_is_run(library, monkeypatch):
    """And all that a program gets is what comes in parts."""
    coming = parts(library, TWO)
    begun = []
    monkeypatch.setattr(Flow, "sample", lambda flow, *_: begun.append(flow.name))
    shown = next(coming)
    assert begun == []
    monkeypatch.undo()
    for side, run in zip(unpack(shown.to_program())["sides"], simulate(library, TWO), strict=True):
        assert np.abs(side["x"] - run.trajectory.x.numpy()).max() < 1e-3
        assert side["statistics"].keys() == {"variance", "speed", "straightness"}
        assert "flow_map" not in side
    figures = next(coming).header["sides"]
    for side, run in zip(figures, add_references(library, TWO, simulate(library, TWO)), strict=True):
        assert run.reference is not None
        assert run.flow_map_error is not None
        assert side["statistics"]["exact"][0] == pytest.approx(run.reference.variance.tolist(), rel=1e-4)
        assert side["flow_map"]["far"] == pytest.approx(run.flow_map_error.far, rel=1e-4)
        assert "distances" in side


def test_the_field_error_of_a_network_is_that_of_other_draws(library):
    """E‖f − v‖² / E‖v‖² at three times, within 4.5 standard errors of both samples."""
    n, sent_from = 4000, 1000
    for name, side in zip(("moons-linear", "moons-cosine"), packet(library, TWO)["header"]["sides"], strict=True):
        flow, exact = library.flow(name), exact_flow("moons", name.removeprefix("moons-"))
        sent = side["field_error"]
        assert sent["t"] == pytest.approx([k / 50 for k in range(51)])
        for k in (10, 25, 45):
            t = torch.full((n,), k / 50)
            at = flow.schedule(t)
            x = at.alpha[:, None] * flow.draw(n, 77) + at.beta[:, None] * flow.fresh(n, 78)
            v = exact.velocity(x, t)
            wrong, unit = (flow.velocity(x, t) - v).square().sum(1), v.square().sum(1)
            error = wrong.mean() / unit.mean()
            spread = ((wrong - error * unit).std() / unit.mean()).item()
            chance = 4.5 * spread * (1 / n + 1 / sent_from) ** 0.5
            assert sent["values"][k] == pytest.approx(error.item(), abs=chance)


def test_networks_have_a_field_error_and_the_exact_field_and_matched_pairs_have_none(library):
    def error(**side) -> dict | None:
        return packet(library, Settings(particles=100, sides=(Side(steps=1, **side),)))["header"]["sides"][0][
            "field_error"
        ]

    assert error(velocity="exact") is error(coupling="ot") is None
    relu, one_step, cosine = error(velocity="relu-output"), error(velocity="one-step"), error(schedule="cosine")
    assert relu
    assert one_step
    assert cosine
    assert min(relu["values"]) > 0.05
    assert one_step["values"][0] < 0.001 < 1 < one_step["values"][-1]
    assert [value is None for value in cosine["values"]] == [False] * 50 + [True]  # at the end the exact field rests


def test_another_run_of_a_network_needs_no_field_error_anew(library, monkeypatch):
    first, second = (Settings(particles=100, sides=(Side(steps=steps),)) for steps in (2, 3))
    before = packet(library, first)["header"]["sides"][0]["field_error"]
    monkeypatch.delattr("fm_core.ui.point_packet.field_error")
    assert packet(library, second)["header"]["sides"][0]["field_error"] == before


def test_a_packet_takes_four_bytes_per_particle_and_state_and_little_beside(library):
    def size(particles: int, steps: int) -> int:
        blocks = packet(library, Settings(particles=particles, sides=(Side(steps=steps),)))["header"]["blocks"]
        return sum(np.dtype(block["type"]).itemsize * int(np.prod(block["shape"])) for block in blocks)

    rest = size(100, 1) - 4 * 100 * 2 - 4 * 2
    assert size(1000, 10) == 4 * 1000 * 11 + 4 * 11 + rest
    assert size(500, 200) == 4 * 500 * 201 + 4 * 201 + rest
    assert rest < 80 * 1024


def test_the_arrows_are_the_field_at_the_cell_centres(library):
    tree = unpack(packet(library, TWO))
    low, high = tree["field_window"]
    column, row, time = 21, 4, 7
    cell = (high[1] - low[1]) / 16
    x = torch.tensor([[low[0] + (column + 0.5) * cell, low[1] + (row + 0.5) * cell]])
    expected = library.flows["moons-linear"].velocity(x, torch.tensor([time / 10]))
    assert tree["sides"][0]["fields"]["learned"][time, row, column] == pytest.approx(expected[0].numpy(), abs=1e-3)


def test_the_last_arrows_are_those_of_the_last_step_which_still_lead_to_the_data(library):
    """At t = 1 itself the exact velocity of linear is x, away from the middle, wherever the data are."""
    tree = unpack(packet(library, TWO))
    low, high = tree["field_window"]
    column, row = 30, 8
    cell = (high[1] - low[1]) / 16
    x = torch.tensor([[low[0] + (column + 0.5) * cell, low[1] + (row + 0.5) * cell]])
    exact = exact_flow("moons", "linear").velocity(x, torch.tensor([0.98]))[0]
    assert tree["sides"][0]["fields"]["exact"][-1, row, column] == pytest.approx(exact.numpy(), abs=2e-3)
    assert exact @ (x[0] - TARGETS["moons"].mean) < 0


def test_the_parts_of_a_packet_are_one_packet():
    parts = [
        Packet(
            {"kind": "points", "sides": [{"a": 1, "s": {"v": [1]}}, {"a": 2}]}, {"sides.0.x": Block(np.arange(3.0))}
        ),
        Packet({"sides": [{"s": {"c": [2]}}, {"b": 3}]}, {"sides.1.x": Block(np.arange(4, dtype=np.uint8))}),
    ]
    tree = unpack(joined(parts).to_program())
    assert tree["kind"] == "points"
    first, second = tree["sides"]
    assert (first["a"], first["s"], second["a"], second["b"]) == (1, {"v": [1], "c": [2]}, 2, 3)
    assert [side["x"].tolist() for side in (first, second)] == [[0, 1, 2], [0, 1, 2, 3]]


def test_to_the_page_a_packet_is_a_line_and_as_many_bytes_as_it_says():
    packet = Packet(
        {"kind": "points"}, {"t": Block(np.array([0.0, 0.5], np.float32)), "x": Block(np.arange(3, dtype=np.int8))}
    )
    head, _, data = packet.to_page().partition(b"\n")
    header = json.loads(head)
    assert (header["kind"], header["bytes"], len(packet)) == ("points", 11, 11)
    assert data == base64.b64decode(packet.to_program()["data"])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_the_window_shows_nearly_all_of_both_ends(source, target, generator):
    low, high = (torch.tensor(corner) for corner in window(SOURCES[source], TARGETS[target]))
    assert high[0] - low[0] == pytest.approx((high[1] - low[1]).item())
    for distribution in (SOURCES[source], TARGETS[target]):
        x = distribution.sample(2000, generator)
        assert ((x >= low) & (x <= high)).all(1).float().mean() > 0.985


def test_the_density_is_highest_where_the_data_are(library, generator):
    tree = unpack(packet(library, TWO))
    low, high = (np.array(corner) for corner in tree["window"])
    x = TARGETS["moons"].sample(500, generator).numpy()
    column, row = ((x - low) / (high - low) * 96).astype(int).T
    assert tree["density"][row, column].mean() > 5 * tree["density"].mean()


SETTINGS = [entry.settings for entry in COMPARISONS]


@pytest.mark.parametrize("settings", [*SETTINGS, Settings(), TWO, Settings("circles", "eight-gaussians", 100, 7)])
def test_an_address_opens_the_settings_it_was_made_from(settings):
    texts = {name: str(value) for name, value in POINTS.to_query(settings).items()}
    assert POINTS.from_query(texts) == (settings, [])
    assert POINTS.unflatten(POINTS.flatten(settings)) == settings


def test_the_default_address_is_empty_and_parameters_of_others_are_left_alone():
    assert POINTS.to_query(Settings()) == {}
    others = {"__theme": "dark", "fbclid": "1", "utm_source": "mail", "view": "api", "colour": "red"}
    assert POINTS.from_query(others | {"steps": "7"}) == (Settings(sides=(Side(steps=7),)), [])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"steps": "many"}, "steps must be a whole number from 1 to 200, not 'many'."),
        ({"steps": "1000"}, "steps must be a whole number from 1 to 200, not 1000."),
        ({"compare": "yes"}, "compare must be true or false, not 'yes'."),
        ({"target": "faces"}, "target must be one of moons, "),
        ({"steps": "9" * 5000}, "steps must be a whole number from 1 to 200, not '999"),
    ],
)
def test_a_wrong_value_of_an_address_is_named_and_the_good_ones_are_kept(wrong, sentence):
    settings, refusals = POINTS.from_query({"seed": "5", **wrong, "schedule": "cosine"})
    assert settings == Settings(seed=5, sides=(Side("cosine"),))
    (refusal,) = map(str, refusals)
    assert refusal.startswith(sentence)
    assert len(refusal) < 300


def test_values_of_an_address_that_take_too_much_together_give_way_one_by_one():
    texts = {"particles": "5000", "compare": "1", "steps": "200", "solver": "rk4", "schedule_b": "vp"}
    settings, refusals = POINTS.from_query(texts)
    assert settings == Settings(particles=5000, sides=(Side(steps=200), Side("cosine")))
    (refusal,) = map(str, refusals)
    assert refusal.startswith("This takes 4,250,000 evaluations, ")


def test_side_b_is_not_checked_while_it_is_not_compared():
    assert POINTS.unflatten(POINTS.defaults | {"schedule_b": "nonsense"}) == Settings()
    with pytest.raises(SettingsError):
        POINTS.unflatten(POINTS.defaults | {"schedule_b": "nonsense", "compare": True})
    assert list(POINTS.flatten(Settings())) == list(POINTS.names)


def theory(library: Library, settings: Settings) -> list[dict]:
    """The theory of each side as it is sent."""
    return [side["theory"] for side in packet(library, settings)["header"]["sides"]]


def test_the_theory_is_the_same_curve_whatever_the_steps_and_goes_through_what_lies_between_them(library):
    """Of one step the run has two states, and the curve between them is no straight line."""
    for schedule in ("linear", "cosine"):
        sides = tuple(Side(schedule, steps=steps, velocity="exact") for steps in (1, 50))
        one, fifty = theory(library, Settings(particles=300, sides=sides))
        assert one["t"] == fifty["t"]
        assert one["values"] == fifty["values"]
        alpha, beta = (f(torch.tensor(one["t"])) for f in (SCHEDULES[schedule].alpha, SCHEDULES[schedule].beta))
        start, end = SOURCES["standard-gaussian"].variance, TARGETS["moons"].variance
        for series, (var_0, var_1) in zip(
            one["values"], [(start.mean(), end.mean()), *zip(start, end, strict=True)], strict=True
        ):
            assert series == pytest.approx((alpha**2 * var_0 + beta**2 * var_1).tolist(), rel=1e-4)
        halfway = one["values"][0][50]
        straight = (one["values"][0][0] + one["values"][0][-1]) / 2
        assert one["t"][50] == 0.5
        assert (halfway < 0.6 * straight) == (schedule == "linear")


def test_the_standard_errors_are_those_of_a_variance_of_this_many_samples(library):
    """std((x − mean)²) / √n of the run's own states, as NumPy computes it."""
    settings = Settings(particles=500, sides=(Side("cosine", steps=4),))
    (run,) = simulate(library, settings)
    (sent,) = theory(library, settings)
    x = run.trajectory.x.numpy().astype(np.float64)
    squares = (x - x.mean(1, keepdims=True)) ** 2
    series = [squares.mean(2), squares[..., 0], squares[..., 1]]
    at_states = [0, 25, 50, 75, 100]
    assert np.array(sent["t"])[at_states] == pytest.approx(run.trajectory.t.numpy())
    for errors, q in zip(sent["errors"], series, strict=True):
        assert np.array(errors)[at_states] == pytest.approx(q.std(1, ddof=1) / 500**0.5, rel=1e-3)


def test_two_standard_errors_hold_what_chance_does_to_the_variance(library):
    inside = 0
    for seed in range(60):
        settings = Settings(particles=200, seed=seed, sides=(Side(steps=1),))
        (sent,) = theory(library, settings)
        (run,) = simulate(library, settings)
        inside += abs(run.trajectory.variance[0].item() - sent["values"][0][0]) < 2 * sent["errors"][0][0]
    assert 51 <= inside <= 60  # of a normal distribution 57.3 on average


@pytest.mark.parametrize("entry", COMPARISONS, ids=[entry.title for entry in COMPARISONS])
def test_every_comparison_runs_with_what_is_shipped_and_nothing_is_replaced(library, entry):
    runs = simulate(library, replace(entry.settings, particles=100))
    assert len(runs) == 2
    for side in entry.settings.sides:
        found = menu(library, entry.settings.target, entry.settings.source, side)
        assert (found.side, found.notes) == (side, {})


def test_the_comparison_at_the_same_cost_has_the_same_cost(library):
    (entry,) = (entry for entry in COMPARISONS if entry.title.startswith("Same cost"))
    first, second = simulate(library, entry.settings)
    assert first.trajectory.nfe == second.trajectory.nfe == 20
    euler, rk4 = (run.trajectory.variance[-1] / first.flow.target.variance.mean() - 1 for run in (first, second))
    assert abs(rk4) < 0.02 < 0.05 < -euler  # which is what there is to see


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_no_menu_leads_to_a_dead_end(library, source, target):
    """Whatever is wished leads to a side that exists, keeps its place in the menus, and is replaced with a word."""
    for schedule, coupling, velocity in product(SCHEDULES, COUPLINGS, VELOCITIES):
        wish = Side(schedule, coupling, velocity, steps=1)
        found = menu(library, target, source, wish)
        for name, choices in found.choices.items():
            assert getattr(wish, name) in [value for _, value in choices]
        assert found.side.schedule == schedule
        assert bool(found.notes) == (found.side != wish)
        library.flow_of(Settings(target, source), found.side)


def test_a_wish_holds_again_where_it_can_and_the_note_says_what_is_shown_instead(library):
    wish = Side("linear", "ot", "learned", 7, "rk4")
    assert menu(library, "moons", "standard-gaussian", wish).side == wish
    found = menu(library, "spirals", "standard-gaussian", wish)
    assert found.side == replace(wish, coupling="independent")
    assert [*found.notes] == ["coupling"]
    (note,) = found.notes["coupling"]
    assert "optimal transport" in note
    assert "Two spirals" in note
    assert "independent pairs" in note
    found = menu(library, "circles", "standard-gaussian", Side("quadratic"))
    assert found.side == Side("quadratic", velocity="exact")
    assert [*found.notes] == ["velocity"]
    assert "No network was trained for" in found.notes["velocity"][0]
    assert "train_all" not in " ".join(found.notes["velocity"])
    assert ("quadratic (exact)", "quadratic") in found.choices["schedule"]
    assert ("linear", "linear") in found.choices["schedule"]


def test_without_checkpoints_every_menu_leads_to_the_exact_field_and_says_why(tmp_path):
    empty = Library.load(tmp_path)
    assert set(empty.problems) == set(CATALOGUE)
    found = menu(empty, "moons", "standard-gaussian", Side())
    assert found.side.velocity == "exact"
    assert empty.problems["moons-linear"] in found.notes["velocity"]
