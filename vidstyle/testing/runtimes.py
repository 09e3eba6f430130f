"""The contract of runtimes, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from vidstyle.device import PRECISIONS
from vidstyle.engines.base import AnyEngine
from vidstyle.engines.stylenet import build
from vidstyle.runtimes.base import Runtime, RuntimeInfo

_SIZES = ((16, 16), (37, 53), (64, 96), (37, 53))
_CPU = torch.device("cpu")


class RuntimeContract(ABC):
    """Checks one runtime on the CPU; a subclass defines ``make``, and may define ``engine``."""

    near: float = 1e-3
    """Largest difference, as a share of the range, from what torch computes in float32."""
    near_in_short: float = 0.01
    """The same of the mean difference, in a shorter number format."""

    @abstractmethod
    def make(self) -> Runtime:
        """The runtime."""

    def engine(self) -> AnyEngine:
        """An engine with a network that can be exported."""
        return build()

    def test_its_info_is_complete(self) -> None:
        info = self.make().info
        assert isinstance(info, RuntimeInfo), f"info must be a RuntimeInfo, it is {info!r}"
        assert info.title, "info.title must be a name for people"
        assert "fp32" in info.precisions, f"info.precisions must have fp32, they are {info.precisions}"
        unknown = set(info.precisions) - set(PRECISIONS)
        assert not unknown, f"info.precisions are names of {', '.join(PRECISIONS)}, not {unknown}"

    @torch.inference_mode()
    def test_it_paints_what_the_engine_does_at_any_size(self) -> None:
        engine = self.engine()
        prepared = self.make().prepared(engine, torch.float32, _CPU)
        style, statistics = _known(engine)
        for height, width in _SIZES:
            image = _picture(height, width)
            painted = prepared.stylize(image, style, statistics)
            assert painted.statistics is statistics, "stylize must return the statistics it was given"
            expected = engine.stylize(image, style, statistics).image
            assert painted.image.shape == image.shape, f"an image {image.shape} came as {painted.image.shape}"
            assert painted.image.dtype == image.dtype, f"float32 came back as {painted.image.dtype}"
            gap = float((painted.image - expected).abs().max())
            assert gap < self.near, f"at {width}x{height} it differs by {gap} from torch"

    @torch.inference_mode()
    def test_paintings_stay_as_they_are_while_others_are_painted(self) -> None:
        engine = self.engine()
        prepared = self.make().prepared(engine, torch.float32, _CPU)
        style, statistics = _known(engine)
        first = prepared.stylize(_picture(48, 64), style, statistics).image
        kept = first.clone()
        prepared.stylize(1 - _picture(48, 64), style, statistics)
        assert torch.equal(first, kept), "a painting changed when the next one was painted"

    @torch.inference_mode()
    def test_another_style_and_other_statistics_change_the_painting(self) -> None:
        engine = self.engine()
        prepared = self.make().prepared(engine, torch.float32, _CPU)
        style, statistics = _known(engine)
        image = _picture(48, 64)
        other_style = engine.encode_style(1 - _picture(60, 80))
        other = engine.stylize(_picture(48, 64) ** 3, style).statistics
        pairs = ((style, statistics), (other_style, statistics), (style, other), (style, statistics))
        for pair in pairs:
            gap = float(
                (prepared.stylize(image, *pair).image - engine.stylize(image, *pair).image).abs().max()
            )
            assert gap < self.near, f"it differs by {gap} from torch after a change of style or statistics"

    @torch.inference_mode()
    def test_statistics_and_styles_are_the_engines_own(self) -> None:
        engine = self.engine()
        prepared = self.make().prepared(engine, torch.float32, _CPU)
        image, picture = _picture(48, 64), _picture(60, 80)
        assert prepared.info is engine.info, "info must be that of the engine"
        assert prepared.itself is engine, "itself must be the engine that encodes styles"
        own, theirs = (each.encode_style(picture) for each in (engine, prepared))
        pairs = [each.stylize(image, own) for each in (engine, prepared)]
        assert torch.equal(pairs[0].image, pairs[1].image), "without statistics the engine itself paints"
        mixed = prepared.stylize(image, prepared.mix([own, theirs], [0.5, 0.5])).image
        assert float((mixed - pairs[0].image).abs().max()) < self.near, "styles must be those of the engine"
        tensors = prepared.style_tensors(own)
        if tensors is not None:
            kept = prepared.stylize(image, prepared.style_from_tensors(tensors)).image
            assert float((kept - pairs[0].image).abs().max()) < self.near, "a kept style must be the same"

    @torch.inference_mode()
    def test_shorter_number_formats_paint_nearly_the_same(self) -> None:
        engine = self.engine()
        style, statistics = _known(engine)
        image = _picture(48, 64)
        expected = engine.stylize(image, style, statistics).image
        for name in self.make().info.precisions:
            if name == "fp16":
                continue  # of GPUs
            dtype = PRECISIONS[name]
            painted = (
                self.make().prepared(engine, dtype, _CPU).stylize(image.to(dtype), style, statistics).image
            )
            assert painted.dtype == dtype, f"{dtype} came back as {painted.dtype}"
            gap = float((painted.float() - expected).abs().mean())
            assert gap < self.near_in_short, f"in {name} the mean difference from float32 is {gap}"


def _known(engine: AnyEngine) -> tuple[object, object]:
    """A style, and statistics of a picture."""
    style = engine.encode_style(_picture(60, 80))
    return style, engine.stylize(_picture(64, 96), style).statistics


def _picture(height: int, width: int) -> Tensor:
    """(1, 3, H, W): waves of several lengths."""
    y, x = torch.meshgrid(torch.arange(height) / 64, torch.arange(width) / 64, indexing="ij")
    waves = [torch.sin(9 * x + 5 * y), torch.sin(31 * y - 4 * x), torch.cos(60 * x * y + 7 * x)]
    return (torch.stack(waves)[None] + 1) / 2
