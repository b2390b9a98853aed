"""What lies between the page and the playground: the wire, the address, the menus, the presets."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from fm_core import playground
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.catalogue import CATALOGUE
from fm_core.playground import Library, simulate
from fm_core.refusals import SettingsError
from fm_core.settings import VELOCITIES, Settings, Side
from fm_core.ui.form import POINTS
from fm_core.ui.menus import menu
from fm_core.ui.point_packet import point_packet, window
from fm_core.ui.points_tab import encoded
from fm_core.ui.presets import PRESETS
from fm_core.ui.run_tab import Question
from fm_core.ui.wire import Block, pack, rounded_to, unpack

TWO = Settings("moons", particles=300, sides=(Side(steps=3), Side("cosine", steps=5, solver="rk4")))


def packet(library: Library, settings: Settings) -> dict:
    return point_packet(settings, simulate(library, settings), {})


def test_a_packet_comes_back_as_it_was_packed():
    x, density = torch.linspace(-3, 2, 24).view(2, 6, 2), torch.linspace(0, 1, 9).view(3, 3)
    blocks = {
        "sides.0.x": rounded_to(torch.int16, x),
        "sides.1.fields.exact": rounded_to(torch.int8, x, limit=2.5),
        "density": rounded_to(torch.uint8, density, limit=1),
        "sides.0.t": Block(np.linspace(0, 1, 5, dtype=np.float32)),
    }
    value = pack({"sides": [{}, {}], "seed": 3}, blocks, {"steps": 5})
    tree = unpack(value)
    assert tree["query"] == "steps=5"
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
    for block in pack({}, blocks, {})["header"]["blocks"]:
        size = np.dtype(block["type"]).itemsize
        assert offset % size == 0
        offset += 3 * size


def test_a_packet_that_is_longer_than_it_says_is_refused():
    value = pack({}, {"x": Block(np.zeros(2, np.uint8))}, {})
    with pytest.raises(ValueError, match="3 bytes, but describes 2"):
        unpack(value | {"data": "AAAA"})


def test_a_packet_returns_states_and_times_to_a_ten_thousandth_of_their_range(library):
    for run, side in zip(simulate(library, TWO), unpack(packet(library, TWO))["sides"], strict=True):
        sent = run.trajectory.x.numpy()
        assert np.abs(side["x"] - sent).max() <= 1e-4 * np.abs(sent).max()
        assert np.array_equal(side["t"], run.trajectory.t.numpy())


def test_a_packet_takes_four_bytes_per_particle_and_state_and_little_beside(library):
    def size(particles: int, steps: int) -> int:
        blocks = packet(library, Settings(particles=particles, sides=(Side(steps=steps),)))["header"]["blocks"]
        return sum(np.dtype(block["type"]).itemsize * int(np.prod(block["shape"])) for block in blocks)

    rest = size(100, 1) - 4 * 100 * 2 - 4 * 2
    assert size(1000, 10) == 4 * 1000 * 11 + 4 * 11 + rest
    assert size(500, 200) == 4 * 500 * 201 + 4 * 201 + rest
    assert rest < 64 * 1024


def test_the_arrows_are_the_field_at_the_cell_centres(library):
    tree = unpack(packet(library, TWO))
    low, high = tree["window"]
    cell = (high[0] - low[0]) / 16
    column, row, time = 11, 4, 7
    x = torch.tensor([[low[0] + (column + 0.5) * cell, low[1] + (row + 0.5) * cell]])
    expected = library.flows["moons-linear"].velocity(x, torch.tensor([time / 10]))
    assert tree["sides"][0]["fields"]["learned"][time, row, column] == pytest.approx(expected[0].numpy(), abs=1e-3)


def test_equal_settings_are_computed_once(library, monkeypatch):
    simulated = []

    def counted(library: Library, settings: Settings, check):
        simulated.append(settings.seed)
        return simulate(library, settings, check)

    monkeypatch.setattr(playground, "simulate", counted)
    first, again, other = (encoded(Question(library, Settings(particles=150, seed=seed))) for seed in (77, 77, 78))
    assert simulated == [77, 78]
    assert first == again
    assert first["data"] != other["data"]


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


@pytest.mark.parametrize(
    "settings", [*PRESETS.values(), Settings(), TWO, Settings("circles", "eight-gaussians", 100, 7)]
)
def test_an_address_opens_the_settings_it_was_made_from(settings):
    texts = {name: str(value) for name, value in POINTS.to_query(settings).items()}
    assert POINTS.from_query(texts) == settings
    assert POINTS.unflatten(POINTS.flatten(settings)) == settings


def test_the_default_address_is_empty_and_gradio_parameters_are_left_alone():
    assert POINTS.to_query(Settings()) == {}
    assert POINTS.from_query({"__theme": "dark"}) == Settings()


@pytest.mark.parametrize("query", [{"steps": "many"}, {"compare": "yes"}, {"colour": "red"}, {"steps": "9" * 5000}])
def test_a_wrong_address_is_refused_in_a_sentence(query):
    with pytest.raises(SettingsError, match=r"\.$"):
        POINTS.from_query(query)


def test_side_b_is_not_checked_while_it_is_not_compared():
    assert POINTS.unflatten(POINTS.defaults | {"schedule_b": "nonsense"}) == Settings()
    with pytest.raises(SettingsError):
        POINTS.unflatten(POINTS.defaults | {"schedule_b": "nonsense", "compare": True})
    assert list(POINTS.flatten(Settings())) == list(POINTS.names)


@pytest.mark.parametrize("settings", PRESETS.values(), ids=PRESETS)
def test_every_preset_runs_with_what_is_shipped(library, settings):
    runs = simulate(library, replace(settings, particles=100))
    assert len(runs) == 2


def test_the_preset_at_equal_nfe_has_equal_nfe(library):
    first, second = simulate(library, PRESETS["Euler / RK4 at NFE 40"])
    assert first.trajectory.nfe == second.trajectory.nfe == 40


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_no_menu_leads_to_a_dead_end(library, source, target):
    for schedule, coupling, velocity in product(SCHEDULES, COUPLINGS, VELOCITIES):
        found = menu(library, target, source, Side(schedule, coupling, velocity, steps=1))
        assert all(value in [choice for _, choice in choices] for value, choices in found.offers.values())
        nearest: dict[str, Any] = {name: value for name, (value, _) in found.offers.items()}
        assert nearest["schedule"] == schedule
        library.flow_of(Settings(target, source), Side(**nearest))


def test_the_menu_keeps_what_exists():
    library = Library.load()
    side = Side("linear", "ot", "learned", 7, "rk4")
    offers = menu(library, "moons", "standard-gaussian", side).offers
    assert [value for value, _ in offers.values()] == ["linear", "ot", "learned"]


def test_the_menu_names_what_is_missing(library):
    assert menu(library, "circles", "standard-gaussian", Side("quadratic")).missing == [
        "circles-quadratic",
        "circles-quadratic-ot",
    ]
    assert menu(library, "moons", "standard-gaussian", Side()).missing == []


def test_without_checkpoints_every_menu_offers_the_exact_field(tmp_path):
    empty = Library.load(tmp_path)
    assert set(empty.problems) == set(CATALOGUE)
    assert menu(empty, "moons", "standard-gaussian", Side()).offers["velocity"][0] == "exact"
