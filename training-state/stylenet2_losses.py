"""What StyleNet 2 is trained to lessen; every function takes pictures (B, 3, H, W) in [0, 1] or features."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from stylenet2_networks import COVARIED, WIDTHS, Statistics
from stylenet2_teachers import products
from torch import Tensor

Features = dict[str, Tensor]
UNSEEN = (0.5 / 255) ** 2  # mean square of detail that rounding to 8 bits swallows


def statistics(features: Features, every: bool = True) -> Statistics:
    """Means and covariances of ``features``; without ``every`` only variances where no one asks for more."""
    found: Statistics = {}
    for layer, value in features.items():
        flat = value.float().flatten(2)
        mean = flat.mean(2)
        flat = flat - mean.unsqueeze(2)
        if every or layer in COVARIED:
            found[layer] = mean, products(flat) / flat.shape[2]
        else:
            found[layer] = mean, flat.square().mean(2)
    assert every or set(found) == set(WIDTHS)
    return found


def style_distance(found: Statistics, wanted: Statistics, layers: tuple[str, ...]) -> Tensor:
    """Mean over layers of the relative distances of Gram matrices, covariances, means and deviations.

    And a quarter of ``correlation_distance``, which weighs faint channels like strong ones.
    """
    terms = []
    for layer in layers:
        (mean, covariance), (target, spread) = found[layer], wanted[layer]
        gram, aim = (
            part + middle.unsqueeze(2) * middle.unsqueeze(1) for middle, part in (found[layer], wanted[layer])
        )
        own, other = (
            (part.diagonal(dim1=1, dim2=2).clamp_min(0) + 1e-5).sqrt() for part in (covariance, spread)
        )
        term = _relative(gram, aim) + _relative(covariance, spread)
        term = term + 0.5 * _relative(mean, target) + 0.5 * _relative(own, other)
        terms.append(term.mean() + 0.25 * _correlation_distance(covariance, spread))
    return torch.stack(terms).mean()


def correlation_distance(found: Statistics, wanted: Statistics, layers: tuple[str, ...]) -> Tensor:
    """Mean over layers: how far correlations of features (relative) and their log deviations lie apart."""
    return torch.stack([_correlation_distance(found[layer][1], wanted[layer][1]) for layer in layers]).mean()


def content_distance(found: Features, wanted: Features, layers: tuple[str, ...]) -> Tensor:
    """Mean squared distance of features less their mean and over their deviation, channel by channel."""
    terms = []
    for layer in layers:
        ours, theirs = _standard(found[layer]), _standard(wanted[layer])
        is_alive = (theirs.square().mean((2, 3), keepdim=True) > 0.5).float()
        terms.append(((ours - theirs).square() * is_alive).mean() / is_alive.mean().clamp_min(1e-3))
    return torch.stack(terms).mean()


def feature_distance(found: Features, wanted: Features, layers: tuple[str, ...]) -> Tensor:
    """Mean over layers of the relative distance of features, place by place."""
    terms = [_relative(found[layer].float(), wanted[layer].float()).mean() for layer in layers]
    return torch.stack(terms).mean()


def pyramid(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference at full, half, … and a sixteenth of the size, the mean of all."""
    terms = []
    for _ in range(5):
        terms.append((found - wanted).abs().mean())
        found, wanted = F.avg_pool2d(found, 2), F.avg_pool2d(wanted, 2)
    return torch.stack(terms).mean()


def structure(painted: Tensor, content: Tensor) -> Tensor:
    """1 less the local correlation (Gaussian of 8 px) of edges, where the content has them."""
    ours, theirs = _edges(painted), _edges(content)
    with torch.no_grad():
        flat = theirs.flatten(1)
        limit = flat.kthvalue(max(1, int(0.4 * flat.shape[1])), dim=1).values
        is_edge = (theirs > limit.view(-1, 1, 1, 1)).float()
    # means taken off first: differences of means of squares would lose what float32 holds
    ours, theirs = (part - part.mean((2, 3), keepdim=True) for part in (ours, theirs))
    one, two = _blurred(ours, 8.0), _blurred(theirs, 8.0)
    both = _blurred(ours * theirs, 8.0) - one * two
    first = (_blurred(ours.square(), 8.0) - one.square()).clamp_min(0) + 1e-6
    second = (_blurred(theirs.square(), 8.0) - two.square()).clamp_min(0) + 1e-6
    return 1 - (both * (first * second).rsqrt() * is_edge).sum() / is_edge.sum().clamp_min(1)


def tones(painted: Tensor, style: Tensor, cell: int = 8, directions: int = 16) -> Tensor:
    """Sliced Wasserstein distance between colours of large areas, over the style's own variance."""
    drawn = F.normalize(torch.randn(directions, 3, device=painted.device), dim=1)
    ours, theirs = (
        (drawn @ F.avg_pool2d(part, cell).flatten(2)).sort(dim=2).values for part in (painted, style)
    )
    variance = theirs.var(2, correction=0).mean(1).clamp_min((32 / 255) ** 2)
    return ((ours - theirs).square().mean((1, 2)) / variance).mean()


def grid(painted: Tensor, period: int = 8, part: int = 8) -> Tensor:
    """Share of the fine detail's energy that stands still on a grid of ``period`` px, the mean over parts."""
    before, after = period // 2, period - 1 - period // 2
    padded = F.pad(painted, (before, after, before, after), mode="reflect")
    places = F.pixel_unshuffle(painted - F.avg_pool2d(padded, period, 1), period)
    part = min(part, places.shape[-1])
    locked = F.avg_pool2d(places, part).square().sum(1)
    energy = F.avg_pool2d(places.square(), part).sum(1)
    return (locked / (energy + UNSEEN * places.shape[1])).mean()


def ripple(painted: Tensor, style: Tensor, part: int = 16) -> Tensor:
    """By how much parts have finer grain than half of the style picture's parts."""
    limit = _fineness(style, part).flatten(1).median(1).values.detach()
    return (_fineness(painted, part) - limit.view(-1, 1, 1, 1)).relu().mean()


def moved(image: Tensor, grid: Tensor) -> Tensor:
    """``image`` at the places of ``grid`` (B, H, W, 2), bicubic, in float32."""
    return F.grid_sample(image.float(), grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def grey(image: Tensor) -> Tensor:
    """Luminance in all three channels, with a mean of 0.45 and a deviation of 0.2 in each picture."""
    value = luminance(image)
    mean = value.mean((2, 3), keepdim=True)
    deviation = ((value - mean).square().mean((2, 3), keepdim=True) + 1e-4).sqrt()
    return ((value - mean) / deviation * 0.2 + 0.45).expand_as(image)


def luminance(image: Tensor) -> Tensor:
    """(B, 1, H, W), BT.601."""
    return (image * constant((0.299, 0.587, 0.114), image.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


@lru_cache
def constant(numbers: tuple[float, ...], device: torch.device) -> Tensor:
    """``numbers`` on ``device``, copied there once: copies wait for all that the device still has to do."""
    return torch.tensor(numbers, device=device)


def _relative(found: Tensor, wanted: Tensor) -> Tensor:
    """(B,) norm of the difference over the norm of ``wanted``."""
    gap = ((found - wanted).flatten(1).square().sum(1) + 1e-10).sqrt()
    return gap / (wanted.flatten(1).square().sum(1).sqrt() + 1e-3)


def _correlation_distance(covariance: Tensor, wanted: Tensor) -> Tensor:
    own, other = (part.diagonal(dim1=1, dim2=2).clamp_min(0) for part in (covariance, wanted))
    slack = 0.01 * other.mean(1, keepdim=True) + 1e-6  # channels that are all but dead count little
    own, other = own + slack, other + slack
    ours = covariance * own.rsqrt().unsqueeze(1) * own.rsqrt().unsqueeze(2)
    theirs = wanted * other.rsqrt().unsqueeze(1) * other.rsqrt().unsqueeze(2)
    return (_relative(ours, theirs) + 0.5 * (own.log() - other.log()).abs().mean(1)).mean()


def _standard(features: Tensor) -> Tensor:
    features = features.float()
    features = features - features.mean((2, 3), keepdim=True)
    variance = features.square().mean((2, 3), keepdim=True)
    # a channel with next to no variance beside the others' stays near 0
    return features * (variance + 1e-2 * variance.mean(1, keepdim=True).detach() + 1e-6).rsqrt()


def _edges(image: Tensor) -> Tensor:
    """(B, 1, H, W) Sobel magnitude of the blurred luminance, blurred again."""
    value = _blurred(luminance(image.float()), 1.0)
    kernel = constant((1.0, 0.0, -1.0, 2.0, 0.0, -2.0, 1.0, 0.0, -1.0), value.device).view(3, 3)
    both = torch.stack([kernel, kernel.T]).unsqueeze(1)
    slopes = F.conv2d(F.pad(value, (1, 1, 1, 1), mode="reflect"), both)
    return _blurred((slopes.square().sum(1, keepdim=True) + 1e-5).sqrt(), 1.5)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """(B, 1, H, W) blurred by a Gaussian of ``sigma`` px, cut off at three of them."""
    rim = round(3 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-rim, rim + 1, device=image.device) / sigma).square())
    line = line / line.sum()
    image = F.conv2d(F.pad(image, (rim,) * 4, mode="reflect"), line.view(1, 1, 1, -1))
    return F.conv2d(image, line.view(1, 1, -1, 1))


def _fineness(image: Tensor, part: int) -> Tensor:
    once = _taps(image, (1, 2, 1))
    twice = _taps(once, (1, 4, 6, 4, 1))
    fine, coarse = (
        F.avg_pool2d(band.square().mean(1, keepdim=True), part) for band in (image - once, once - twice)
    )
    return fine / (fine + coarse + UNSEEN)


def _taps(image: Tensor, taps: tuple[float, ...]) -> Tensor:
    line = constant(taps, image.device) / sum(taps)
    kernel = torch.outer(line, line).expand(image.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(image, (len(taps) // 2,) * 4, mode="reflect"), kernel, groups=image.shape[1])
