"""The exact velocity to finitely many images: by brute force, as a mixture of points, and what it draws."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import pad, unfold

from fm_core import perfect_flow
from fm_core.images.sets import IMAGE_SETS, NOISE, ImageSource
from fm_core.maths.distributions import STANDARD, Mixture
from fm_core.maths.empirical import empirical_velocity
from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow, hand_over
from fm_core.maths.measures import nearest
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS
from fm_core.refusals import SettingsError

DIGITS = IMAGE_SETS["mnist"]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def windows(x: torch.Tensor, window: int) -> torch.Tensor:
    """All windows of images (B, 1, H, W), zeros beyond the borders, shape (B, H · W, window²)."""
    return unfold(pad(x, [window // 2] * 4), window).transpose(1, 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("window", [1, 3, 7, 9, 11, None])
def test_the_velocity_is_that_of_weights_by_brute_force(schedule, window):
    """From the squared differences in every window of every image; 11 sees all of 6 × 5 pixels from each of them."""
    images, x, t = normal(7, 1, 6, 5), normal(4, 1, 6, 5, seed=1), torch.tensor([0.0, 0.2, 0.6, 0.9]).double()
    alpha, beta, d_alpha, d_beta = (c.view(4, 1, 1, 1) for c in SCHEDULES[schedule](t))
    differences = x[:, None] - beta[..., None] * images  # (4, 7, 1, 6, 5)
    squares = windows(differences.flatten(0, 1), window or 11).square().sum(2).view(4, 7, 30)
    weights = (-squares / (2 * alpha.view(4, 1, 1) ** 2)).softmax(1)
    x_1 = (weights * images.view(7, 30)).sum(1).view(4, 1, 6, 5)
    expected = d_alpha * (x - beta * x_1) / alpha + d_beta * x_1
    torch.testing.assert_close(empirical_velocity(images, SCHEDULES[schedule], window)(x, t), expected)


@pytest.mark.parametrize("t", [0.0, 0.3, 0.9])
def test_images_of_two_pixels_are_points(t):
    points = Mixture("five", "Five points", normal(5, 2), std=0.0)
    x = normal(20, 2, seed=1)
    expected = exact_velocity(STANDARD, points, SCHEDULES["cosine"])(x, t)
    found = empirical_velocity(points.centres.view(5, 1, 1, 2), SCHEDULES["cosine"])(x.view(20, 1, 1, 2), t)
    torch.testing.assert_close(found.view(20, 2), expected)


def test_a_perfect_network_draws_copies():
    """Euler's last step on the linear path ends at E[x_1 | x], and there one image has all the weight: what is left is
    float32's rounding, at most 1.2e-7 of values below 2.9 in a pixel.
    """
    images = DIGITS.standardise(DIGITS.bundled_training(1000)[0])
    found = nearest(perfect_flow("linear", images=1000).sample(50, 20).x[-1], images)
    assert found.distances.max() < 1e-7
    assert len(found.indices.unique()) > 25


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_velocity_is_finite_at_every_time_for_every_solver(schedule, window):
    flow = perfect_flow(schedule, window, images=20)
    for solver in SOLVERS:
        assert flow.sample(2, 5, solver).x.isfinite().all()
    assert flow.velocity(100 * torch.ones(1, 1, 28, 28), torch.tensor([1.0])).isfinite().all()


def test_local_weights_draw_new_images_of_known_pixels():
    """No end is near an image, but each pixel lies within the range of that pixel in the images."""
    images = DIGITS.standardise(DIGITS.bundled_training(200)[0])
    ends = perfect_flow("linear", 7, images=200).sample(3, 10).x[-1]
    assert nearest(ends, images).distances.min() > 0.2
    assert (ends >= images.amin(0) - 1e-4).all()
    assert (ends <= images.amax(0) + 1e-4).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"window": 4}, r"^window must be an odd number of pixels, so that it has a middle, not 4\.$"),
        ({"window": 0}, r"^window must be a whole number from 1 to 2147483647, not 0\.$"),
        ({"images": 2001}, r"^n must be a whole number from 1 to 2000, not 2001\.$"),
        ({"schedule": "sine"}, r"^schedule must be one of linear, cosine, .*, not 'sine'\.$"),
    ],
)
def test_what_no_perfect_flow_can_be_made_of_is_refused(arguments, sentence):
    with pytest.raises(SettingsError, match=sentence):
        perfect_flow(**{"schedule": "linear", **arguments})


# One flow after another.


def constant(value: float) -> Flow:
    velocity = lambda x, t: torch.full_like(x, value)  # noqa: E731
    return Flow(f"by {value}", NOISE, DIGITS, SCHEDULES["linear"], velocity)


def test_a_flow_hands_over_at_a_time():
    """Of ten steps, those that begin before t = 0.35 are the first's: four."""
    run = hand_over(constant(1.0), constant(-1.0), at=0.35).sample(2, 10)
    expected = torch.tensor([0, 1, 2, 3, 4, 3, 2, 1, 0, -1, -2]) / 10
    torch.testing.assert_close((run.x - run.x[0]).mean((1, 2, 3, 4)), expected)
    assert run.nfe == 10


@pytest.mark.parametrize(("at", "value"), [(0, -1.0), (1, 1.0)])
def test_a_flow_hands_over_at_once_or_never(at, value):
    run = hand_over(constant(1.0), constant(-1.0), at).sample(2, 5)
    torch.testing.assert_close(run.x, constant(value).sample(2, 5).x)


def test_each_sample_has_the_velocity_of_its_own_time():
    flow = hand_over(constant(1.0), constant(-1.0), at=0.5)
    found = flow.velocity(torch.zeros(3, 1, 28, 28), torch.tensor([0.2, 0.5, 0.8]))
    assert found[:, 0, 0, 0].tolist() == [1, -1, -1]


def test_flows_of_other_paths_cannot_be_handed_over_to():
    others = [
        replace(constant(1), schedule=SCHEDULES["cosine"]),
        replace(constant(1), source=ImageSource(IMAGE_SETS["fashion"], 0.5)),
    ]
    for other in others:
        with pytest.raises(SettingsError, match=r"^by 1.0 can hand over only to a flow of its own source and schedule"):
            hand_over(constant(1.0), other, at=0.5)
    with pytest.raises(SettingsError, match=r"^at must be a number from 0\.0 to 1\.0, not 2\.$"):
        hand_over(constant(1.0), constant(1.0), at=2)


def test_the_later_the_hand_over_the_nearer_are_the_ends_to_the_images():
    images = DIGITS.standardise(DIGITS.bundled_training(50)[0])
    perfect, local = perfect_flow("linear", images=50), perfect_flow("linear", 5, images=50)
    early, late = (nearest(hand_over(perfect, local, at).sample(4, 10).x[-1], images).distances for at in (0.1, 0.7))
    assert late.mean() < early.mean() / 2
