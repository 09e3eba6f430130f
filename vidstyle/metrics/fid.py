"""FID and ArtFID between a result and its style picture, through torchmetrics and torch-fidelity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.metrics.base import Mean, Motion, Sample, Setup
from vidstyle.metrics.lpips import Distance, alexnet
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.network_files import ART_INCEPTION, INCEPTION
from vidstyle.optional_imports import require

_LIBRARY = "torchmetrics.image.fid"
_WIDTH = 2048  # channels of Inception's last features
_SMALLEST = 75  # px: smaller pictures have no pixel left after Inception's poolings


class FID:
    """Fréchet distance of Inception features (Heusel et al. 2017) between a result and its style picture.

    FID compares sets of pictures, so result and style picture are cut into squares of half their short side,
    the style picture's overlapping by half. Few squares bias it upwards, and its covariances are not of full
    rank: compare it only between results of one clip in one style, and report the number of squares. FID's
    own network (torch-fidelity's port, 2048 features, squares resized to 299 px). Lower is closer.
    """

    meaning = Meaning("squared features", "low: near the baseline's")
    is_on_request = True
    intervals: tuple[int, ...] = ()
    needs = frozenset({"style"})
    library = "torch_fidelity"
    latest: float | None = None
    """None: it has a value only for the whole clip."""

    def __init__(self, setup: Setup, frechet: Frechet | None = None) -> None:
        self._style = _style_of(setup, "fid")
        self._frechet = frechet or inception()
        self._frechet.style(self._style)

    @property
    def remark(self) -> str:
        """The sizes of the two sets."""
        return f"fid: {self._frechet.text}"

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._frechet.add(now.result)

    def result(self) -> float | None:
        return self._frechet.value()


class ArtFID:
    """(1 + LPIPS(O, C)) · (1 + FID(O, S)), FID with an Inception trained on art (Wright and Ommer 2022).

    matthias-wright/art-fid in its mode ``art_fid`` (no extrapolation to infinite sets, which art-fid skips
    for small sets, too); LPIPS with AlexNet, the mean over frames. The sets are those of ``FID``, where
    papers take hundreds of paintings: compare it only between results of one clip in one style. Lower is
    better.
    """

    meaning = Meaning("1", "low: near the baseline's")
    is_on_request = True
    intervals: tuple[int, ...] = ()
    needs = frozenset({"style"})
    library = _LIBRARY
    latest: float | None = None
    """None: it has a value only for the whole clip."""

    def __init__(
        self, setup: Setup, frechet: Frechet | None = None, distance: Distance | None = None
    ) -> None:
        self._style = _style_of(setup, "art_fid")
        self._frechet = frechet or art_inception()
        self._distance = distance or alexnet("art_fid")
        self._frechet.style(self._style)
        self._content = Mean()

    @property
    def remark(self) -> str:
        """The sizes of the two sets."""
        return f"art_fid: {self._frechet.text}"

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._frechet.add(now.result)
        self._content.add(self._distance(now.result, now.content))

    def result(self) -> float | None:
        style, content = self._frechet.value(), self._content.value
        return None if style is None or content is None else (1 + content) * (1 + style)


class Frechet:
    """Fréchet distance between the squares of a result and of a style picture, in constant memory."""

    def __init__(self, distance: Any, prepare: Callable[[Tensor], Tensor]) -> None:
        """Collect in torchmetrics' ``distance``, which takes what ``prepare`` makes of (N, 3, h, w)."""
        self._distance, self._prepare = distance, prepare
        self._squares, self._of_style = 0, 0

    @property
    def text(self) -> str:
        return f"{self._squares} squares of the result against {self._of_style} of the style"

    def style(self, picture: Tensor) -> None:
        self._of_style += self._take(squares(picture, overlap=True), is_style=True)

    def add(self, picture: Tensor) -> None:
        self._squares += self._take(squares(picture), is_style=False)

    def value(self) -> float | None:
        if self._squares < 2 or self._of_style < 2:
            return None
        with torch.inference_mode():
            return max(0.0, float(self._distance.compute()))  # rounding leaves a little less than 0

    def _take(self, pictures: Iterator[Tensor], *, is_style: bool) -> int:
        count = 0
        with torch.inference_mode():
            for square in pictures:
                self._distance.to(square.device)
                self._distance.update(self._prepare(square), real=is_style)
                count += 1
        return count


class ArtInception(nn.Module):
    """Inception v3 as torchvision builds it, to its last features (N, 2048)."""

    num_features = _WIDTH

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import inception_v3

        self.network = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
        self.network.fc = nn.Identity()
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of ``pictures`` (N, 3, h, w) in [0, 1], not normalised, as art-fid gives them."""
        features: Tensor = self.network(pictures)
        return features


def squares(picture: Tensor, *, overlap: bool = False) -> Iterator[Tensor]:
    """Squares of half the short side of ``picture`` (1, 3, H, W), in rows and columns up to its edges."""
    side = max(1, min(picture.shape[-2:]) // 2)
    step = max(1, side // 2) if overlap else side
    for top in range(0, picture.shape[-2] - side + 1, step):
        for left in range(0, picture.shape[-1] - side + 1, step):
            yield picture[..., top : top + side, left : left + side]


def inception() -> Frechet:
    """FID's own Inception; ``WeightsMissing`` if its weights are not in torch's cache."""
    require("torch_fidelity", "fid")
    library = require(_LIBRARY, "fid")
    path, url = INCEPTION.found("fid"), INCEPTION.url
    _states("fid", path, url)  # read safely first: torch-fidelity unpickles it, which may run code
    try:
        distance = library.FrechetInceptionDistance(feature=_WIDTH, feature_extractor_weights_path=str(path))
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise _mismatch("fid", path, url) from error
    return Frechet(distance, lambda square: (square.clamp(0, 1) * 255).round().to(torch.uint8))


def art_inception() -> Frechet:
    """ArtFID's Inception; ``WeightsMissing`` if its weights are not in torch's cache."""
    library = require(_LIBRARY, "art_fid")
    path, url = ART_INCEPTION.found("art_fid"), ART_INCEPTION.url
    states = _states("art_fid", path, url)
    network = ArtInception()
    try:
        # its classifiers of style and artist are not needed
        missing = network.network.load_state_dict(states, strict=False).missing_keys
    except (RuntimeError, AttributeError, TypeError) as error:
        raise _mismatch("art_fid", path, url) from error
    if missing:
        raise _mismatch("art_fid", path, url)
    return Frechet(library.FrechetInceptionDistance(feature=network), _at_least)


def _style_of(setup: Setup, metric: str) -> Tensor:
    if setup.style is None:
        raise OptionError(f"{metric} needs the style picture; give --style")
    return setup.style


def _states(metric: str, path: Path, url: str) -> Mapping[str, Tensor]:
    try:
        return cast("Mapping[str, Tensor]", torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # pickle and zip raise many kinds of errors for other files
        raise _mismatch(metric, path, url) from error


def _mismatch(metric: str, path: Path, url: str) -> WeightsMismatch:
    return WeightsMismatch(f"{path} is not {metric}'s Inception; remove it and fetch {url}")


def _at_least(square: Tensor) -> Tensor:
    """``square`` in [0, 1], enlarged to what the network takes."""
    square = square.clamp(0, 1)
    if square.shape[-1] >= _SMALLEST:
        return square
    return nn.functional.interpolate(square, size=(_SMALLEST, _SMALLEST), mode="bilinear")
