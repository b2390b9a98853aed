"""Image flows: what is recorded on the way, the predicted end, the theory of the variance, and their quality."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.neighbors import NearestNeighbors

from fm_core import evaluation, image_quality
from fm_core.checkpoints import DEFAULT_DIRECTORY, checkpoint_path, read_tensors
from fm_core.image_flows import SPACING, ImageFlow
from fm_core.image_quality import Moments, evenness, frechet_distance, neighbour_figures
from fm_core.images import IMAGE_SETS, samples
from fm_core.recipes import IMAGE_RECIPES, STANDARD
from fm_core.schedules import SCHEDULES
from fm_core.solvers import SOLVERS

NFE = 20
SHIPPED = [name for name in IMAGE_RECIPES if checkpoint_path(name, DEFAULT_DIRECTORY).exists()]
every_schedule = pytest.mark.parametrize("schedule", ["linear", "cosine"])


def to_one_image(schedule: str) -> tuple[ImageFlow, torch.Tensor]:
    """The exact flow from noise to a single image: E[X_1 | x_t] is that image, E[X_0 | x_t] what is left."""
    x_1 = IMAGE_SETS["mnist"].standardise(samples("mnist")[0][:1])
    path = SCHEDULES[schedule]

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        t = t.view(-1, 1, 1, 1)
        x_0 = (x - path.beta(t) * x_1) / path.alpha(t)
        return path.d_alpha(t) * x_0 + path.d_beta(t) * x_1

    return ImageFlow("exact", STANDARD, "mnist", path, velocity), x_1


@every_schedule
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_predicted_end_is_exact_where_the_end_is_certain(schedule, solver):
    flow, x_1 = to_one_image(schedule)
    run = flow.sample(n=3, steps=4, solver="euler" if solver in ("heun", "rk4") else solver, seed=1)
    end = flow.predicted_end(run)
    assert end.shape == run.x.shape == (5, 3, 1, 28, 28)
    torch.testing.assert_close(end[:-1], x_1.expand_as(end[:-1]), atol=1e-4, rtol=0)
    torch.testing.assert_close(end[-1], run.x[-1])


def test_the_first_steps_are_short():
    t = to_one_image("linear")[0].sample(n=1, steps=20).t
    assert (t[0], t[-1]) == (0, 1)
    assert (t.diff().diff() > 0).all()
    torch.testing.assert_close(t ** (1 / SPACING), torch.linspace(0, 1, 21))


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_velocity_kept_is_that_at_the_states(solver):
    flow = ImageFlow("decay", STANDARD, "mnist", SCHEDULES["linear"], lambda x, t: -x * (1 + t.view(-1, 1, 1, 1)))
    run = flow.sample(n=2, steps=5, solver=solver)
    t = run.t[:-1].view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(run.v[:-1], -run.x[:-1] * (1 + t))
    assert torch.equal(run.v[-1], run.v[-2])
    assert run.nfe == 5 * SOLVERS[solver].evaluations


def test_the_same_seed_draws_the_same_noise_and_another_another():
    flow, _ = to_one_image("linear")
    assert torch.equal(flow.draw(4, 0), flow.draw(4, 0))
    assert not torch.equal(flow.draw(4, 0), flow.draw(4, 1))


def test_a_translation_draws_bundled_clothes():
    flow = ImageFlow("t", "fashion", "mnist", SCHEDULES["linear"], lambda x, t: x)
    clothes = IMAGE_SETS["fashion"].standardise(samples("fashion")[0])
    assert all((image == clothes).flatten(1).all(1).any() for image in flow.draw(5, 0))


def test_noise_in_the_source_keeps_its_variance_and_follows_the_seed():
    flow = ImageFlow("t", "fashion", "mnist", SCHEDULES["linear"], lambda x, t: x, source_noise=0.6)
    clothes = IMAGE_SETS["fashion"].standardise(samples("fashion")[0])
    x_0 = flow.start(clothes, seed=1)
    assert x_0.var().item() == pytest.approx(0.64 * clothes.var().item() + 0.36, rel=0.01)
    noise = (x_0 - 0.8 * clothes) / 0.6
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, rel=0.02)
    assert torch.equal(x_0, flow.start(clothes, seed=1))
    assert not torch.equal(x_0, flow.start(clothes, seed=2))
    assert not torch.equal(flow.draw(5, 0), flow.draw(5, 1))


@pytest.mark.parametrize("wrong", [{"n": 0}, {"steps": 0}, {"solver": "magic"}, {"seed": -1}])
def test_a_wrong_request_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\."):
        to_one_image("linear")[0].sample(**wrong)


@every_schedule
@pytest.mark.parametrize("source", [STANDARD, "fashion"])
def test_theory_is_the_variance_of_the_path_over_samples_and_pixels(schedule, source):
    """Interpolated pairs of all bundled images with all: independent, and yet correlated over the pixels."""
    digits = IMAGE_SETS["mnist"].standardise(samples("mnist")[0])
    if source == STANDARD:
        x_0, x_1 = torch.randn(100, 1, 28, 28, generator=torch.Generator().manual_seed(0)), digits
    else:
        clothes = IMAGE_SETS["fashion"].standardise(samples("fashion")[0])
        x_0, x_1 = clothes.repeat_interleave(100, 0), digits.repeat(100, 1, 1, 1)
    x_0, x_1 = ((x - x.mean()) / x.std() for x in (x_0, x_1))
    covariance = (x_0.mean(0) * x_1.mean(0)).mean().item() if source != STANDARD else 0.0
    flow = ImageFlow("path", source, "mnist", SCHEDULES[schedule], lambda x, t: x, covariance)
    for t in (0.0, 0.3, 0.5, 1.0):
        time = torch.tensor([t])
        x_t = flow.schedule.alpha(time) * x_0 + flow.schedule.beta(time) * x_1
        assert x_t.var().item() == pytest.approx(flow.theory_variance(time).item(), abs=0.01)


def test_the_covariance_of_two_sets_is_that_of_their_mean_images(monkeypatch):
    monkeypatch.setattr(evaluation, "load", lambda image_set, *_: samples(image_set.name))
    recipe = replace(IMAGE_RECIPES["fashion-to-mnist-linear"], source_noise=0.6)
    found = evaluation.image_covariance(recipe, evaluation.Path())
    means = [IMAGE_SETS[name].standardise(samples(name)[0]).mean(0) for name in ("fashion", "mnist")]
    assert found == pytest.approx(0.8 * (means[0] * means[1]).mean().item(), abs=1e-5)
    assert found > 0.1
    assert evaluation.image_covariance(IMAGE_RECIPES["mnist-linear"], evaluation.Path()) == 0


# ---- quality


def clouds(d: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1000, d, generator=generator), 0.5 + 1.5 * torch.randn(800, d, generator=generator)


def test_frechet_distance_agrees_with_scipys_matrix_root():
    a, b = clouds()
    c_a, c_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    root = sqrtm(c_a @ c_b)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(c_a + c_b - 2 * np.real(root))
    assert frechet_distance(Moments.of(a), Moments.of(b)) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_a_shift_is_its_square_and_zero_to_itself():
    a, _ = clouds()
    assert frechet_distance(Moments.of(a), Moments.of(a)) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(Moments.of(a), Moments.of(a + 2)) == pytest.approx(8 * 4, rel=1e-5)
    flat = torch.cat([a, torch.zeros(1000, 3)], 1)
    assert frechet_distance(Moments.of(flat), Moments.of(flat + 1)) == pytest.approx(11, rel=1e-5)


def test_neighbour_figures_agree_with_scikit_learn():
    real, made = clouds(3)
    found = neighbour_figures(real, made, k=5)

    def reach(points):
        return NearestNeighbors(n_neighbors=6).fit(points).kneighbors(points)[0][:, 5]

    distances = torch.cdist(made.double(), real.double()).numpy()
    assert found["precision"] == pytest.approx((distances <= reach(real)).any(1).mean(), abs=0.003)
    assert found["recall"] == pytest.approx((distances <= reach(made)[:, None]).any(0).mean(), abs=0.003)
    assert found["coverage"] == pytest.approx((distances.min(0) <= reach(real)).mean(), abs=0.003)


def test_neighbour_figures_at_the_extremes():
    real, _ = clouds()
    assert neighbour_figures(real, real) == {"precision": 1, "recall": 1, "coverage": 1}
    assert neighbour_figures(real, real + 1000) == {"precision": 0, "recall": 0, "coverage": 0}
    one_spot = real[:1] + 0.001 * torch.randn(500, 8, generator=torch.Generator().manual_seed(1))
    figures = neighbour_figures(real, one_spot)
    assert figures["precision"] == 1
    assert figures["coverage"] < 0.1


def test_evenness_is_one_for_equal_classes_and_zero_for_one():
    assert evenness(torch.arange(1000) % 10) == pytest.approx(1)
    assert evenness(torch.zeros(50, dtype=torch.long)) == pytest.approx(0)
    assert evenness(torch.arange(100) % 2) == pytest.approx(np.log(2) / np.log(10))


def test_real_digits_are_read_right_by_the_shipped_classifier(image_library):
    pixels, labels = samples("mnist")
    assert image_library.classifier is not None
    assert image_quality.accuracy(image_library.classifier, pixels, labels) >= 0.98


@pytest.mark.parametrize("name", SHIPPED)
def test_a_checkpoint_reaches_its_recorded_figures(image_library, name):
    """500 images from noise, or the 100 bundled clothes, instead of 10,000."""
    flow, figures = image_library.flows[name], image_library.metadata[name]["quality"]
    clothes = IMAGE_SETS["fashion"].standardise(samples("fashion")[0])
    x_0 = flow.draw(500, seed=3) if flow.source == STANDARD else flow.start(clothes, seed=3)
    with torch.inference_mode():
        reading = image_quality.read(image_library.classifier, evaluation.generate(flow, x_0, NFE))
    recorded = {key: figures[key][figures["nfe"].index(NFE)] for key in ("fd", "confidence", "evenness")}
    tolerance = 0.03 if flow.source == STANDARD else 0.08
    assert reading.probabilities.amax(1).mean().item() == pytest.approx(recorded["confidence"], abs=tolerance)
    assert evenness(reading.classes) == pytest.approx(recorded["evenness"], abs=tolerance)
    if flow.source == STANDARD:
        assert unbiased_distance(reading.features) == pytest.approx(recorded["fd"], rel=0.35)


def unbiased_distance(features: torch.Tensor) -> float:
    """Fréchet distance to the test digits, less what as few Gaussian features score that have the digits' moments."""
    digits = Moments(**read_tensors(DEFAULT_DIRECTORY / evaluation.MOMENTS_FILE)[0])
    gaussian = np.random.default_rng(0).multivariate_normal(
        digits.mean.numpy(), digits.covariance.numpy(), len(features)
    )
    perfect = Moments.of(torch.from_numpy(gaussian))
    return frechet_distance(Moments.of(features), digits) - frechet_distance(perfect, digits)
