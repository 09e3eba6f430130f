"""Every loss against a slow, plain reference: loops over pixels and channels, in double precision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.losses import compound
from vidstyle.losses.base import Step
from vidstyle.losses.compound import Compound, smooth_field
from vidstyle.losses.content import Content
from vidstyle.losses.contrastive import Contrastive
from vidstyle.losses.distillation import Distillation
from vidstyle.losses.frame_difference_loss import FrameDifferenceLoss
from vidstyle.losses.grid import Grid
from vidstyle.losses.identity import Identity
from vidstyle.losses.shift import Shift
from vidstyle.losses.style import CovarianceStyle, GramStyle, MeanDeviation, RelativeStyle
from vidstyle.losses.style_embedding import StyleEmbedding
from vidstyle.losses.variation import Variation
from vidstyle.losses.warped import Warped
from vidstyle.testing.losses import make_step, paint, vgg

Array = NDArray[np.float64]
LAYERS = ("conv1_1", "conv2_1")


def array(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def encoded(image: Tensor, layer: str) -> Array:
    """Scaled features (B, C, h, w)."""
    with torch.no_grad():
        found = array(vgg().features(image, [layer])[layer])
    return found / array(vgg().scale(layer))[None, :, None, None]


def mean_square(first: Array, second: Array) -> float:
    total = 0.0
    for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        total += (a - b) ** 2
    return total / first.size


def gram_of(features: Array) -> Array:
    """(C, C) of (C, h, w)."""
    channels = len(features)
    found = np.zeros((channels, channels))
    for row, column in itertools.product(range(channels), repeat=2):
        found[row, column] = (features[row] * features[column]).sum() / features[0].size
    return found


def moments_of(features: Array) -> tuple[Array, Array]:
    means = np.array([channel.mean() for channel in features])
    deviations = np.array(
        [math.sqrt(((channel - channel.mean()) ** 2).mean() + 1e-5) for channel in features]
    )
    return means, deviations


def sampled(image: Array, y: float, x: float) -> Array:
    """Colour (C,) of (C, H, W) at a place, bilinear, its border repeated."""
    height, width = image.shape[1:]
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    down, right = y - top, x - left
    upper = image[:, top, left] * (1 - right) + image[:, top, left + 1] * right
    lower = image[:, top + 1, left] * (1 - right) + image[:, top + 1, left + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)


def grey_of(image: Array) -> Array:
    """(3, H, W) of (3, H, W)."""
    light = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    return np.stack([light] * 3)


def near(found: Tensor, expected: float) -> bool:
    return float(found.detach()) == pytest.approx(expected, rel=2e-3, abs=1e-9)


@pytest.fixture
def step() -> Step:
    return make_step(LAYERS)


@pytest.mark.parametrize("kind", ["plain", "normalised", "grey"])
def test_content_is_the_mean_square_of_features(step: Step, kind: str) -> None:
    source = step.content
    if kind == "grey":
        source = torch.from_numpy(np.stack([grey_of(image) for image in array(step.content)])).float()
    values = []
    for layer in LAYERS:
        pair = [encoded(image, layer) for image in (step.painted, source)]
        if kind == "normalised":
            for features in pair:
                for number, channel in itertools.product(range(len(features)), range(features.shape[1])):
                    plane = features[number, channel]
                    plane[:] = (plane - plane.mean()) / math.sqrt(plane.var() + 1e-5)
        values.append(mean_square(*pair))
    assert near(Content(LAYERS, kind=kind)(step), sum(values) / 2)


def _style_reference(step: Step, kind: str, sides: Sequence[int]) -> float:
    values = []
    for side, layer, number in itertools.product(sides, LAYERS, range(len(step.styles))):
        picture = step.styles[number]
        factor = side / math.sqrt(picture.shape[2] * picture.shape[3])
        size = [max(16, round(length * factor)) for length in picture.shape[2:]]
        small = torch.nn.functional.interpolate(picture, size, mode="bilinear", antialias=True)
        ours, theirs = encoded(step.painted, layer)[number], encoded(small, layer)[0]
        gap = gram_of(ours) - gram_of(theirs)
        (mean, deviation), (their_mean, their_deviation) = moments_of(ours), moments_of(theirs)
        if kind == "gram":
            values.append(((gap / len(ours)) ** 2).mean())
        elif kind == "mean-deviation":
            values.append(((mean - their_mean) ** 2).mean() + ((deviation - their_deviation) ** 2).mean())
        else:
            wanted = gram_of(theirs)
            if kind == "covariance":
                gap = gap - np.outer(mean, mean) + np.outer(their_mean, their_mean)
                wanted = wanted - np.outer(their_mean, their_mean)
            value = np.sqrt((gap**2).sum()) / np.sqrt((wanted**2).sum())
            value += 0.5 * np.linalg.norm(mean - their_mean) / np.linalg.norm(their_mean)
            value += 0.5 * np.linalg.norm(deviation - their_deviation) / np.linalg.norm(their_deviation)
            values.append(value)
    return float(np.mean(values))


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("gram", GramStyle),
        ("mean-deviation", MeanDeviation),
        ("relative", RelativeStyle),
        ("covariance", CovarianceStyle),
    ],
)
def test_style_compares_statistics_at_every_scale(step: Step, kind: str, loss: Any) -> None:
    assert near(loss(LAYERS, (24, 18))(step), _style_reference(step, kind, (24, 18)))


def test_identity_is_pixels_and_features(step: Step) -> None:
    assert step.itself is not None
    features = [mean_square(encoded(step.itself, layer), encoded(step.content, layer)) for layer in LAYERS]
    expected = 70 * mean_square(array(step.itself), array(step.content)) + sum(features) / 2
    assert near(Identity(LAYERS)(step), expected)


def test_variation_is_the_sum_of_steps_between_neighbours(step: Step) -> None:
    image = array(step.painted)
    count, channels, height, width = image.shape
    total = 0.0
    for n, c, y, x in itertools.product(range(count), range(channels), range(height), range(width)):
        total += abs(image[n, c, y + 1, x] - image[n, c, y, x]) if y + 1 < height else 0.0
        total += abs(image[n, c, y, x + 1] - image[n, c, y, x]) if x + 1 < width else 0.0
    assert near(Variation()(step), total / count)


def test_grid_is_the_share_of_fine_detail_that_stands_on_cells(step: Step) -> None:
    image, period, part = array(step.painted), 4, 3
    count, channels, height, width = image.shape
    padded = np.pad(image, ((0, 0), (0, 0), (2, 1), (2, 1)), mode="reflect")
    fine = np.zeros_like(image)
    for y, x in itertools.product(range(height), range(width)):
        fine[..., y, x] = image[..., y, x] - padded[..., y : y + period, x : x + period].mean((2, 3))
    side, shares = part * period, []
    for n, top, left in itertools.product(
        range(count), range(0, height - side + 1, side), range(0, width - side + 1, side)
    ):
        window = fine[n, :, top : top + side, left : left + side]
        locked = energy = 0.0
        for c, y, x in itertools.product(range(channels), range(period), range(period)):
            values = window[c, y::period, x::period]
            locked += values.mean() ** 2
            energy += (values**2).mean()
        shares.append(locked / (energy + (0.5 / 255) ** 2 * channels * period**2))
    assert near(Grid(part=part)(step), float(np.mean(shares)))


def test_grid_tells_a_pattern_of_the_strides_from_detail_that_is_free_of_them(step: Step) -> None:
    generator = torch.Generator().manual_seed(1)
    flat = torch.full((1, 3, 64, 64), 0.5)
    pattern = torch.rand(1, 3, 4, 4, generator=generator).repeat(1, 1, 16, 16)
    free = torch.rand(1, 3, 64, 64, generator=generator)
    shares = [
        float(Grid()(replace(step, painted=image)))
        for image in (flat, 0.5 + 0.05 * (pattern - 0.5), 0.5 + 0.05 * (free - 0.5))
    ]
    assert shares[0] == 0
    assert shares[1] > 0.9
    assert shares[2] < 0.03


def test_grid_finds_patterns_of_the_period_that_is_set_and_of_half_of_it(step: Step) -> None:
    generator = torch.Generator().manual_seed(1)
    shares = {}
    for side in (4, 8):
        pattern = torch.rand(1, 3, side, side, generator=generator).repeat(1, 1, 128 // side, 128 // side)
        for period in (4, 8):
            painted = replace(step, painted=0.5 + 0.05 * (pattern - 0.5))
            shares[side, period] = float(Grid(period=period)(painted))
    assert shares[8, 4] < 0.5 < 0.9 < min(shares[4, 4], shares[4, 8], shares[8, 8])


def test_distillation_is_a_pyramid_and_relative_features(step: Step) -> None:
    assert step.target is not None
    ours, theirs = array(step.painted), array(step.target)
    pyramid = []
    for level in range(3):
        cell = 2**level
        gaps = []
        for top, left in itertools.product(range(0, 24, cell), range(0, 32, cell)):
            patch = np.s_[:, :, top : top + cell, left : left + cell]
            gaps.append(np.abs(ours[patch].mean((2, 3)) - theirs[patch].mean((2, 3))).mean())
        pyramid.append(np.mean(gaps))
    features = []
    for layer, number in itertools.product(LAYERS, range(2)):
        found, target = encoded(step.painted, layer)[number], encoded(step.target, layer)[number]
        features.append(np.abs(found - target).sum() / np.abs(target).sum())
    expected = float(np.mean(pyramid) + 0.3 * np.mean(features))
    assert near(Distillation(LAYERS, levels=3, features=0.3)(step), expected)


def test_shift_compares_overlapping_crops(step: Step) -> None:
    chosen = int(torch.randint(1, 36, (), generator=torch.Generator().manual_seed(6)))
    down, right = divmod(chosen, 6)
    again = array(paint(step.content[..., down:, right:]))
    painted, total = array(step.painted), 0.0
    for n, c, y, x in itertools.product(*(range(size) for size in again.shape)):
        total += abs(painted[n, c, y + down, x + right] - again[n, c, y, x])
    assert near(Shift(reach=5, noise=0.0)(step), total / again.size)


def test_shift_adds_noise_of_the_given_strength(step: Step) -> None:
    flat = replace(step, content=torch.full((4, 3, 64, 64), 0.5), painted=torch.full((4, 3, 64, 64), 0.5))
    seen: list[Tensor] = []

    def keep(picture: Tensor) -> Tensor:
        seen.append(picture)
        return picture

    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        Shift(noise=0.02)(replace(flat, paint=keep, generator=generator))
    deviations = [float(picture.std()) for picture in seen]
    assert 0.01 < max(deviations) <= 0.0202
    assert min(deviations) < 0.01
    assert all(picture.shape != flat.content.shape for picture in seen)


def test_compound_bends_the_paint_and_paints_the_bent(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compound, "_NOISE", (0.0, 0.0))
    field = array(smooth_field(2, 24, 32, torch.Generator().manual_seed(6)))
    content, painted = array(step.content), array(step.painted)
    bent, expected = np.zeros_like(content), np.zeros_like(content)
    for n, y, x in itertools.product(range(2), range(24), range(32)):
        row = min(max(round(y + field[n, 1, y, x]), 0), 23)
        column = min(max(round(x + field[n, 0, y, x]), 0), 31)
        bent[n, :, y, x] = content[n, :, row, column]
        expected[n, :, y, x] = painted[n, :, row, column]
    again = array(paint(torch.from_numpy(bent)))
    assert near(Compound()(step), float(np.abs(expected - again).mean()))


def test_compound_noise_is_in_units_of_imagenet(step: Step) -> None:
    seen: list[Tensor] = []

    def keep(picture: Tensor) -> Tensor:
        seen.append(picture)
        return picture

    flat = torch.full((2, 3, 128, 128), 0.5)
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        Compound()(replace(step, content=flat, painted=flat, paint=keep, generator=generator))
    for picture in seen:
        for channel, unit in enumerate((0.229, 0.224, 0.225)):
            assert 0.97e-3 < float((picture[:, channel] - 0.5).std()) / unit < 2.06e-3


def test_the_smooth_field_is_a_box_mean_of_an_enlarged_grid_and_a_shift() -> None:
    height, width = 208, 120
    found = array(smooth_field(1, height, width, torch.Generator().manual_seed(2)))[0]
    generator = torch.Generator().manual_seed(2)
    grid = array(torch.randn(1, 2, 2, 1, generator=generator))[0] * 8
    shift = array(torch.randint(-10, 11, (1, 2, 1, 1), generator=generator))[0]
    rough = np.zeros((2, height, width))
    for y in range(height):
        place = min(max((y + 0.5) * 2 / height - 0.5, 0.0), 1.0)
        rough[:, y, :] = grid[:, 0] * (1 - place) + grid[:, 1] * place + shift[:, 0]
    for y, x in ((0, 0), (100, 60), (207, 119), (30, 90)):
        rows = np.clip(np.arange(y - 50, y + 50), 0, height - 1)
        columns = np.clip(np.arange(x - 50, x + 50), 0, width - 1)
        assert found[:, y, x] == pytest.approx(rough[:, rows][:, :, columns].mean((1, 2)), abs=1e-3)


def test_frame_difference_compares_changes_of_pixels_and_features(step: Step) -> None:
    pair = step.pair
    assert pair is not None
    images = (pair.painted_later, pair.painted_earlier, pair.later, pair.earlier)
    ours_later, ours_earlier, later, earlier = (array(image) for image in images)
    pixels = mean_square(ours_later - ours_earlier, later - earlier)
    features = []
    for layer in LAYERS:
        ours_later, ours_earlier, later, earlier = (encoded(image, layer) for image in images)
        features.append(mean_square(ours_later - ours_earlier, later - earlier))
    expected = pixels + 0.25 * sum(features) / 2
    assert near(FrameDifferenceLoss(LAYERS, features=0.25)(step), expected)


def test_contrastive_is_the_entropy_of_finding_the_same_place(step: Step) -> None:
    torch.manual_seed(4)
    loss = Contrastive(LAYERS, centres=3)
    generator = torch.Generator().manual_seed(6)
    expected = 0.0
    for layer in LAYERS:
        ours, theirs = encoded(step.painted, layer), encoded(step.content, layer)
        height, width = ours.shape[2:]
        rows = torch.randint(1, height - 1, (3,), generator=generator).tolist()
        columns = torch.randint(1, width - 1, (3,), generator=generator).tolist()
        weights = [array(value) for value in loss.projections[layer].parameters()]

        def pointing(features: Array, y: int, x: int, dy: int, dx: int, weights: list[Array]) -> Array:
            difference = features[:, y, x] - features[:, y + dy, x + dx]
            hidden = np.maximum(weights[0] @ difference + weights[1], 0)
            projected = weights[2] @ hidden + weights[3]
            return np.asarray(projected / np.linalg.norm(projected))

        around = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
        entropies = []
        for number in range(2):
            places = [(y, x, *step) for y, x in zip(rows, columns, strict=True) for step in around]
            paint_points = [pointing(ours[number], *place, weights) for place in places]
            content_points = [pointing(theirs[number], *place, weights) for place in places]
            for right, point in enumerate(paint_points):
                scores = [math.exp(float(point @ other) / 0.07) for other in content_points]
                entropies.append(-math.log(scores[right] / sum(scores)))
        expected += sum(entropies) / len(entropies)
    assert near(loss(step), expected)


def test_code_is_the_relative_squared_error(step: Step) -> None:
    ours, theirs = torch.randn(3, 5), torch.randn(3, 5)
    expected = 0.0
    for row in range(3):
        gap = sum((float(ours[row, k]) - float(theirs[row, k])) ** 2 for k in range(5))
        expected += gap / sum(float(theirs[row, k]) ** 2 for k in range(5)) / 3
    assert near(StyleEmbedding()(replace(step, embeddings=(ours, theirs))), expected)


def test_warped_forgives_what_the_light_does(step: Step) -> None:
    pair = step.pair
    assert pair is not None
    total = 0.0
    motion, trusted = array(pair.motion), pair.trusted.numpy()
    for n in range(2):
        paint_now, paint_before = array(pair.painted_later)[n], array(pair.painted_earlier)[n]
        light_now, light_before = grey_of(array(pair.later)[n]), grey_of(array(pair.earlier)[n])
        for y, x in itertools.product(range(24), range(32)):
            if trusted[n, 0, y, x]:
                place = (y + motion[n, 1, y, x], x + motion[n, 0, y, x])
                change = paint_now[:, y, x] - sampled(paint_before, *place)
                light = light_now[:, y, x] - sampled(light_before, *place)
                total += float(((change - light) ** 2).sum())
    assert near(Warped()(step), total / (24 * 32) / 2)


def test_a_painting_like_its_target_has_a_finite_slope(step: Step) -> None:
    same = step.styles[0].clone().requires_grad_()
    alike = replace(step, styles=step.styles[:1], painted=same)
    value = RelativeStyle(LAYERS, (22,))(alike)
    value.backward()
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()
