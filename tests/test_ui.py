"""What lies between the page and the playground: the wire, the address, the menus, the presets."""

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch

from fm_core import playground
from fm_core.matching import COUPLINGS
from fm_core.playground import Library, Settings, SettingsError, Side, simulate
from fm_core.recipes import RECIPES
from fm_core.schedules import SCHEDULES
from fm_core.toy import SOURCES, TARGETS
from fm_core.ui import wire
from fm_core.ui.address import TOY
from fm_core.ui.menus import menu
from fm_core.ui.presets import PRESETS
from fm_core.ui.toy_tab import answer

TWO = Settings("moons", particles=300, sides=(Side(steps=3), Side("cosine", steps=5, solver="rk4")))


def blocks(value: dict) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """States, fields and density, read from the binary by the description in `wire`'s docstring alone."""
    header, data = value["header"], base64.b64decode(value["data"])
    offset = 0

    def take(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        nonlocal offset
        block = np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape)
        offset += block.nbytes
        return block

    states = [take("<i2", (side["steps"] + 1, header["particles"], 2)) * side["scale"] for side in header["sides"]]
    shape = (header["times"], header["grid"] ** 2, 2)
    fields = [take("<i2", shape) * scale for side in header["sides"] for scale in side["fields"].values()]
    density = take("u1", (header["pixels"], header["pixels"]))
    assert offset == len(data)
    return states, fields, density


def test_the_wire_returns_the_states_to_a_ten_thousandth_of_their_range(library):
    runs = simulate(library, TWO)
    states, _, _ = blocks(wire.encode(TWO, runs, {}))
    for run, received in zip(runs, states, strict=True):
        sent = run.trajectory.x.numpy()
        assert np.abs(received - sent).max() <= 1e-4 * np.abs(sent).max()


def test_the_wire_takes_four_bytes_per_particle_and_state_and_a_fixed_rest(library):
    def size(particles: int, steps: int) -> int:
        settings = Settings(particles=particles, sides=(Side(steps=steps),))
        return len(base64.b64decode(wire.encode(settings, simulate(library, settings), {})["data"]))

    rest = size(100, 1) - 4 * 100 * 2
    assert size(1000, 10) == 4 * 1000 * 11 + rest
    assert size(500, 200) == 4 * 500 * 201 + rest
    assert rest < 64 * 1024


def test_the_arrows_are_the_field_at_the_cell_centres(library):
    value = wire.encode(TWO, simulate(library, TWO), {})
    low, high = value["header"]["window"]
    _, fields, _ = blocks(value)
    learned = fields[0]
    cell = (high[0] - low[0]) / 16
    column, row, time = 11, 4, 7
    x = torch.tensor([[low[0] + (column + 0.5) * cell, low[1] + (row + 0.5) * cell]])
    expected = library.flows["moons-linear"].velocity(x, torch.tensor([time / 10]))
    assert learned[time, row * 16 + column] == pytest.approx(expected[0].numpy(), abs=1e-3)


def test_equal_settings_are_computed_once(library, monkeypatch):
    simulated = []

    def counted(library: Library, settings: Settings):
        simulated.append(settings.seed)
        return simulate(library, settings)

    monkeypatch.setattr(playground, "simulate", counted)
    first, again, other = (answer(library, {"particles": 150, "seed": seed}) for seed in (77, 77, 78))
    assert simulated == [77, 78]
    assert first == again
    assert first["data"] != other["data"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_the_window_shows_nearly_all_of_both_ends(source, target, generator):
    low, high = (torch.tensor(corner) for corner in wire.window(SOURCES[source], TARGETS[target]))
    assert high[0] - low[0] == pytest.approx((high[1] - low[1]).item())
    for distribution in (SOURCES[source], TARGETS[target]):
        x = distribution.sample(2000, generator)
        assert ((x >= low) & (x <= high)).all(1).float().mean() > 0.985


def test_the_density_is_highest_where_the_data_are(library, generator):
    value = wire.encode(TWO, simulate(library, TWO), {})
    _, _, density = blocks(value)
    low, high = (np.array(corner) for corner in value["header"]["window"])
    x = TARGETS["moons"].sample(500, generator).numpy()
    column, row = ((x - low) / (high - low) * 96).astype(int).T
    assert density[row, column].mean() > 5 * density.mean()


@pytest.mark.parametrize(
    "settings", [*PRESETS.values(), Settings(), TWO, Settings("circles", "eight-gaussians", 100, 7)]
)
def test_an_address_opens_the_settings_it_was_made_from(settings):
    texts = {name: str(value) for name, value in TOY.to_query(settings).items()}
    assert TOY.from_query(texts) == settings
    assert TOY.unflatten(TOY.flatten(settings)) == settings


def test_the_default_address_is_empty_and_gradio_parameters_are_left_alone():
    assert TOY.to_query(Settings()) == {}
    assert TOY.from_query({"__theme": "dark"}) == Settings()


@pytest.mark.parametrize("query", [{"steps": "many"}, {"compare": "yes"}, {"colour": "red"}, {"steps": "9" * 5000}])
def test_a_wrong_address_is_refused_in_a_sentence(query):
    with pytest.raises(SettingsError, match=r"\.$"):
        TOY.from_query(query)


def test_side_b_is_not_checked_while_it_is_not_compared():
    assert TOY.unflatten(TOY.defaults | {"schedule_b": "nonsense"}) == Settings()
    with pytest.raises(SettingsError):
        TOY.unflatten(TOY.defaults | {"schedule_b": "nonsense", "compare": True})
    assert list(TOY.flatten(Settings())) == list(TOY.names)


@pytest.mark.parametrize("settings", PRESETS.values(), ids=PRESETS)
def test_every_preset_runs_with_what_is_shipped(library, settings):
    runs = simulate(library, replace(settings, particles=100))
    assert len(runs) == 2


def test_the_preset_at_equal_nfe_has_equal_nfe(library):
    first, second = simulate(library, PRESETS["Euler / RK4 at NFE 40"])
    assert first.trajectory.nfe == second.trajectory.nfe == 40


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("velocity", ["learned", "exact", "relu-output"])
def test_no_menu_leads_to_a_dead_end(library, source, target, schedule, coupling, velocity):
    found = menu(library, target, source, Side(schedule, coupling, velocity, steps=1))
    assert found.side.schedule == schedule
    assert found.side.coupling in [value for _, value in found.couplings]
    assert found.side.velocity in [value for _, value in found.velocities]
    library.flow(Settings(target, source), found.side)


def test_the_menu_keeps_what_exists():
    library = Library.load()
    side = Side("linear", "ot", "learned", 7, "rk4")
    assert menu(library, "moons", "standard-gaussian", side).side == side


def test_the_menu_names_what_is_missing(library):
    assert menu(library, "circles", "standard-gaussian", Side("quadratic")).missing == [
        "circles-quadratic",
        "circles-quadratic-ot",
    ]
    assert menu(library, "moons", "standard-gaussian", Side()).missing == []


def test_without_checkpoints_every_menu_offers_the_exact_field(tmp_path):
    empty = Library.load(tmp_path)
    assert set(empty.problems) == set(RECIPES)
    assert menu(empty, "moons", "standard-gaussian", Side()).side.velocity == "exact"
