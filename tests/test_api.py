"""The API, as another program sees it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from gradio.utils import get_function_description
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from fm_core import load_flow
from fm_core.images.uploads import look_at_file
from fm_core.library import exact_flow
from fm_core.maths.probe import marginal, probe
from fm_core.ui.form import DIGITS, PAIRS, POINTS, PROBE, TRANSLATE
from fm_core.ui.wire import unpack
from tests.picture_files import drawing
from tests.test_documentation import readme_blocks

API = "/trajectory"


@pytest.fixture(scope="module")
def client(address) -> Client:
    return Client(address, verbose=False)


def states(value: dict, side: int = 0) -> np.ndarray:
    """States (T, n, 2) of a side of the answer."""
    return unpack(value)["sides"][side]["x"]


def test_an_endpoint_for_each_tab_is_public_with_its_settings_by_name(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert API in endpoints
    assert set(endpoints) <= {API, "/digits", "/translate", "/pairs", "/probe"}
    assert [parameter["parameter_name"] for parameter in endpoints[API]["parameters"]] == list(POINTS.names)


@pytest.mark.parametrize(
    ("name", "argument", "words"),
    [
        ("trajectory", "steps", "a whole number from 1 to 200"),
        ("trajectory", "solver_b", "one of euler, midpoint, heun, rk4"),
        ("digits", "images", "one of 4, 9, 16, 36, 64"),
        ("digits", "compare", "true for a second run, whose arguments end in _b"),
        ("translate", "count", "of files with many images, how many are taken, from 1 to 64"),
        ("translate", "seed", "a whole number from 0 to 2147483647"),
        ("trajectory", "noise", "a number from 0.0 to 3.0 in steps of 0.1"),
        ("probe", "x", "a number from -20.0 to 20.0"),
        ("pairs", "group_b", "one of 2, 8, 32, 128, 512"),
    ],
)
def test_every_argument_is_described(image_page, name, argument, words):
    (endpoint,) = (fn for fn in image_page.fns.values() if fn.api_name == name)
    description, arguments, _ = get_function_description(endpoint.fn)
    assert endpoint.fn.__name__ == name
    assert "flow" in description
    assert arguments[argument] == words
    forms = {"trajectory": POINTS, "digits": DIGITS, "translate": TRANSLATE, "probe": PROBE, "pairs": PAIRS}
    assert all(arguments[described] for described in forms[name].names if (name, described) != ("translate", "clothes"))


def test_defaults_are_moons_with_the_linear_schedule_in_50_steps(client):
    value = client.predict(api_name=API)
    assert states(value).shape == (51, 2000, 2)
    assert value["header"]["sides"][0]["flow"] == "moons-linear"
    assert value["header"]["sides"][0]["nfe"] == 50


def test_the_answer_is_what_python_computes(client):
    value = client.predict(
        target="circles",
        schedule="cosine",
        velocity="exact",
        steps=8,
        solver="heun",
        particles=150,
        seed=9,
        api_name=API,
    )
    expected = exact_flow("circles", "cosine").sample(150, 8, "heun", seed=9)
    assert np.allclose(states(value), expected.x.numpy(), atol=1e-3)
    assert value["header"]["sides"][0]["nfe"] == expected.nfe == 16


def test_a_probe_is_what_python_computes(client):
    side = unpack(client.predict(x=0.5, y=0.3, t=0.6, schedule="cosine", api_name="/probe"))["sides"][0]
    flow, x = load_flow("moons-cosine"), torch.tensor([[0.5, 0.3]])
    found = probe(flow, x[0], 0.6)
    assert side["learned"] == pytest.approx(flow.velocity(x, torch.tensor([0.6]))[0].tolist(), abs=1e-4)
    assert side["exact"] == pytest.approx(found.v.tolist(), abs=1e-4)
    assert side["pairs"]["weights"] @ (side["pairs"]["x_1"]) == pytest.approx(found.x_1.numpy(), abs=1e-3)
    density = marginal(flow, 0.6)
    assert density is not None
    assert side["log_p"]["closed"] == pytest.approx(density.log_density(x.double()).item(), abs=1e-3)
    back = flow.carry(x, solver="rk4", times=np.linspace(0.6, 0, 25).tolist())
    assert np.allclose(side["lines"]["learned"][0], back.x[-1, 0].numpy(), atol=1e-4)


def test_pairs_stand_at_their_exact_places(client):
    (side,) = unpack(client.predict(particles=100, steps=4, schedule="cosine", api_name="/pairs"))["sides"]
    x_0, x_1 = side["x"][0], side["x"][-1]
    assert np.allclose(side["x"][2], (x_0 + x_1) / 2**0.5, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"x": 21}, "x must be a number from -20.0 to 20.0, not 21."),
        ({"t": "soon"}, "t must be a number from 0.0 to 1.0, not 'soon'."),
        ({"velocity": "perfect"}, "velocity must be one of learned, exact, "),
    ],
)
def test_a_wrong_probe_gets_one_sentence(client, wrong, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**wrong, api_name="/probe")
    assert sentence in str(caught.value)


def test_compared_sides_share_their_noise(client):
    value = client.predict(compare=True, steps=4, steps_b=9, api_name=API)
    assert np.allclose(states(value, 0)[0], states(value, 1)[0], atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 200, not 0."),
        ({"steps": 100_000}, "steps must be a whole number from 1 to 200, not 100000."),
        ({"steps": "fifty"}, "steps must be a whole number from 1 to 200, not 'fifty'."),
        ({"particles": 1_000_000}, "particles must be a whole number from 100 to 5000, not 1000000."),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, not -1."),
        ({"seed": [1]}, "seed must be a whole number from 0 to 2147483647, not [1]."),
        ({"target": "faces"}, "target must be one of moons, "),
        ({"solver": None}, "solver must be one of euler, "),
        ({"compare": "yes"}, "compare must be true or false, not 'yes'."),
        ({"target": "circles", "schedule": "vp"}, "no trained checkpoint for circles-vp"),
        ({"coupling": "ot", "velocity": "exact"}, "independent coupling only"),
    ],
)
def test_a_wrong_request_gets_one_sentence_and_no_traceback(client, wrong, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**wrong, api_name=API)
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert client.predict(steps=1, particles=100, api_name=API)["header"]["particles"] == 100


def test_clients_at_the_same_time_each_get_their_own_run(address):
    def ask(seed: int) -> np.ndarray:
        return states(Client(address, verbose=False).predict(seed=seed, steps=5 + seed, particles=200, api_name=API))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    for seed, answer in enumerate(answers):
        assert answer.shape == (6 + seed, 200, 2)
        assert np.allclose(answer[0], exact_flow("moons", "linear").sample(200, 1, seed=seed).x[0].numpy(), atol=1e-3)


# ---- pictures to translate


def test_the_translation_names_its_parameters_with_types_ranges_and_defaults_and_its_results(client):
    endpoint = client.view_api(return_format="dict")["named_endpoints"]["/translate"]
    parameters = {parameter["parameter_name"]: parameter for parameter in endpoint["parameters"]}
    settings = [name for name in TRANSLATE.names if name != "clothes"]
    assert list(parameters) == ["files", "first", "count", "invert", *settings]
    defaults = {name: parameter["parameter_default"] for name, parameter in parameters.items()}
    own = {"files": None, "first": 0, "count": 10, "invert": "auto"}
    assert defaults == own | {name: TRANSLATE.defaults[name] for name in settings}
    for name, limits in {"first": (0, 2**31 - 1), "count": (1, 64), "seed": (0, 2**31 - 1), "steps": (1, 100)}.items():
        assert parameters[name]["type"]["type"] == "integer"
        described = parameters[name]["type"]["description"].replace(" and ", " to ")
        assert described.endswith(" {} to {}".format(*limits))
    assert parameters["invert"]["type"]["enum"] == ["auto", "always", "never"]
    assert parameters["compare"]["type"]["type"] == "boolean"
    assert [result["label"] for result in endpoint["returns"]] == ["pictures", "run", "doubts"]


def test_a_translation_comes_with_what_is_doubtful_about_the_pictures(client, tmp_path):
    for name, paper in {"faint": 250, "clear": 0}.items():
        drawing(paper=paper, ink=235).save(tmp_path / f"{name}.png")
    _, run, doubts = client.predict(files=[handle_file(tmp_path / "faint.png")], steps=1, api_name="/translate")
    reading = look_at_file(tmp_path / "faint.png")
    assert doubts == reading.doubts != []
    assert np.array_equal(unpack(run)["pictures"], reading.pixels)
    *_, doubts = client.predict(files=[handle_file(tmp_path / "clear.png")], steps=1, api_name="/translate")
    assert doubts == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"files": []}, "No picture was given; accepted are PNG, "),
        ({"invert": "perhaps"}, "invert must be one of auto, always, never, not 'perhaps'."),
        ({"first": "x"}, "the first image must be a whole number from 0 to 2147483647, not 'x'."),
        ({"count": 90}, "the number of images must be a whole number from 1 to 64, not 90."),
        ({"steps": "fifty"}, "steps must be a whole number from 1 to 100, not 'fifty'."),
        ({"schedule": "vp"}, "schedule must be one of linear, cosine, not 'vp'."),
    ],
)
def test_a_wrong_request_for_a_translation_gets_one_sentence(client, tmp_path, wrong, sentence):
    drawing().save(tmp_path / "a.png")
    with pytest.raises(AppError) as caught:
        client.predict(**{"files": [handle_file(tmp_path / "a.png")], "steps": 1} | wrong, api_name="/translate")
    assert str(caught.value).startswith(sentence)


def test_the_readmes_programs_work(address, tmp_path, monkeypatch):
    drawing().save(tmp_path / "coat.jpg")
    monkeypatch.chdir(tmp_path)
    blocks = [block for block in readme_blocks() if "gradio_client" in block]
    assert blocks
    for block in blocks:
        assert "http://127.0.0.1:7860" in block
        exec(compile(block.replace("http://127.0.0.1:7860", address), "README.md", "exec"), {})
