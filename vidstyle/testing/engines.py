"""The contract of engines, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from vidstyle.engines.base import AnyEngine, EngineInfo
from vidstyle.errors import OptionError
from vidstyle.testing.devices import devices

_SIZES = ((16, 16), (37, 53), (64, 48))


class EngineContract(ABC):
    """Checks one engine, on each device there is; a subclass defines ``make``."""

    near: float = 1e-4
    """Largest difference, as a share of the range, between two ways to compute the same painting."""

    @abstractmethod
    def make(self, device: str) -> AnyEngine:
        """The engine, on ``device``."""

    def test_its_info_is_complete_and_possible(self) -> None:
        info = self.make("cpu").info
        assert isinstance(info, EngineInfo), f"info must be an EngineInfo, it is {info!r}"
        assert info.title, "info.title must be a name for people"
        assert info.multiple >= 1, f"info.multiple must be 1 px or more, it is {info.multiple}"
        assert info.smallest >= 1, f"info.smallest must be 1 px or more, it is {info.smallest}"
        assert info.largest > 0, f"info.largest must be more than 0 px², it is {info.largest}"
        assert info.near_error >= 0, f"info.near_error must be 0 levels or more, it is {info.near_error}"
        if info.near_field is not None:
            assert info.receptive_field is not None and 0 <= info.near_field <= info.receptive_field, (
                f"info.near_field must be from 0 to info.receptive_field ({info.receptive_field}), "
                f"it is {info.near_field}"
            )

    @torch.inference_mode()
    def test_painting_has_the_shape_range_and_dtype_of_the_image(self) -> None:
        for engine, device in self._made():
            style = engine.encode_style(_picture(60, 80, device))
            for height, width in _SIZES:
                least = engine.info.smallest
                image = _picture(max(height, least), max(width, least), device, seed=2)
                painted = engine.stylize(image, style).image
                about = f"an image {tuple(image.shape)} {image.dtype} on {device} is painted as"
                assert painted.shape == image.shape, f"{about} {tuple(painted.shape)}"
                assert painted.dtype == image.dtype, f"{about} {painted.dtype}"
                assert painted.device.type == device, f"{about} one on {painted.device.type}"
                low, high = float(painted.min()), float(painted.max())
                assert low >= 0 and high <= 1, f"{about} one from {low} to {high}, not within 0 to 1"

    @torch.inference_mode()
    def test_painting_again_gives_nearly_the_same(self) -> None:
        for engine, device in self._made():
            image, style = self._pair(engine, device)
            first, again = (engine.stylize(image, style).image for _ in (0, 1))
            same = torch.equal(first, again) if device == "cpu" else (first - again).abs().max() < self.near
            assert same, f"painting the same image twice on {device} differs by {_gap(first, again)}"

    @torch.inference_mode()
    def test_painting_leaves_image_and_style_picture_as_they_were(self) -> None:
        for engine, device in self._made():
            image, picture = self._image(engine, device), _picture(60, 80, device)
            copies = image.clone(), picture.clone()
            engine.stylize(image, engine.encode_style(picture))
            assert torch.equal(image, copies[0]), "stylize has changed the image that it was given"
            assert torch.equal(picture, copies[1]), "encode_style has changed the picture that it was given"

    @torch.inference_mode()
    def test_styles_of_any_shape_are_encoded(self) -> None:
        for engine, device in self._made():
            for size in ((1, 1), (3, 200), (500, 7), (300, 300)):
                style = engine.encode_style(_picture(*size, device))
                painted = engine.stylize(self._image(engine, device), style).image
                assert torch.isfinite(painted).all(), f"a style of {size} px gives paint that is not finite"

    @torch.inference_mode()
    def test_a_mixture_of_one_style_with_itself_is_that_style(self) -> None:
        for engine, device in self._made():
            image, style = self._pair(engine, device)
            mixed = engine.stylize(image, engine.mix([style, style], [0.25, 0.75])).image
            gap = _gap(mixed, engine.stylize(image, style).image)
            assert gap < self.near, f"mix of a style with itself paints {gap} from the style"

    @torch.inference_mode()
    def test_a_mixture_differs_from_both_styles(self) -> None:
        for engine, device in self._made():
            image, picture = self._image(engine, device), _picture(60, 80, device)
            styles = [engine.encode_style(each) for each in (picture, picture**3)]
            mixed = engine.stylize(image, engine.mix(styles, [0.5, 0.5])).image
            for style in styles:
                gap = _gap(mixed, engine.stylize(image, style).image)
                assert gap > self.near, f"mix of two styles paints as one of them does ({gap} from it)"

    @torch.inference_mode()
    def test_given_statistics_come_back_and_paint_depends_on_the_receptive_field_only(self) -> None:
        for engine, device in self._made():
            info = engine.info
            if info.receptive_field is None:
                continue
            far = info.receptive_field + 2 * info.multiple
            image = _picture(max(48, info.smallest), far + max(48, info.smallest), device)
            style = engine.encode_style(_picture(60, 80, device))
            statistics = engine.stylize(image, style).statistics
            changed = image.clone()
            changed[..., far + 16 :] = 0.0
            paintings = [engine.stylize(each, style, statistics) for each in (image, changed)]
            assert paintings[0].statistics is statistics, "stylize must return the statistics it was given"
            gap = _gap(paintings[0].image[..., :16], paintings[1].image[..., :16])
            assert gap == 0 if device == "cpu" else gap < self.near, (
                f"paint changes by {gap} with pixels farther away than info.receptive_field, "
                f"{info.receptive_field} px"
            )
            assert not torch.equal(paintings[0].image[..., -16:], paintings[1].image[..., -16:]), (
                "paint does not change where the image changes"
            )

    @torch.inference_mode()
    def test_a_part_painted_with_its_surroundings_differs_no_more_than_the_engine_says(self) -> None:
        for engine, device in self._made():
            info = engine.info
            if info.surroundings is None:
                continue
            multiple, near = info.multiple, info.surroundings
            first = -(-near // multiple) * multiple + 16 * multiple
            size = 2 * first + max(32, info.smallest)
            image, style = _picture(size, size, device, seed=4), engine.encode_style(_picture(60, 80, device))
            statistics = engine.stylize(image, style).statistics
            whole = engine.stylize(image, style, statistics).image
            begin = (first - near) // multiple * multiple
            seen, inner = slice(begin, size - begin), slice(first - begin, size - first - begin)
            part = engine.stylize(image[..., seen, seen], style, statistics).image[..., inner, inner]
            levels = 255 * _gap(part, whole[..., first : size - first, first : size - first])
            assert levels <= info.near_error + 0.1, (
                f"a part painted with {near} px around it differs by {levels:.2f} levels from the whole, "
                f"and info.near_error is {info.near_error}"
            )

    @torch.inference_mode()
    def test_statistics_move_towards_others_and_name_their_tensors(self) -> None:
        for engine, device in self._made():
            style = engine.encode_style(_picture(60, 80, device))
            image = self._image(engine, device)
            first, other = (engine.stylize(each, style).statistics for each in (image, image * 0.5))
            if first is None or other is None:
                continue
            start, end = first.tensors(), other.tensors()
            assert isinstance(start, Mapping), f"statistics.tensors() must be a mapping, it is {type(start)}"
            assert start.keys() == end.keys(), "tensors() of two images must have the same names"
            for share, expected in ((0.0, start), (1.0, end)):
                moved = first.towards(other, share).tensors()
                for name, value in expected.items():
                    scale = 1 + float(value.abs().max())
                    gap = _gap(moved[name], value)
                    assert gap <= 1e-4 * scale, f"towards(other, {share}) is {gap} off in {name!r}"

    @torch.inference_mode()
    def test_a_style_that_can_be_kept_is_the_same_when_it_comes_back(self) -> None:
        for engine, device in self._made():
            image, style = self._pair(engine, device)
            tensors = engine.style_tensors(style)
            if tensors is None:
                continue
            for name, tensor in tensors.items():
                assert isinstance(tensor, Tensor), f"style_tensors: {name!r} is no tensor but {type(tensor)}"
            kept = engine.style_from_tensors({name: tensor.clone() for name, tensor in tensors.items()})
            gap = _gap(engine.stylize(image, kept).image, engine.stylize(image, style).image)
            assert gap < self.near, f"style_from_tensors(style_tensors(style)) paints {gap} from the style"

    @torch.inference_mode()
    def test_statistics_that_can_be_kept_are_the_same_when_they_come_back(self) -> None:
        for engine, device in self._made():
            image, style = self._pair(engine, device)
            statistics = engine.stylize(image, style).statistics
            if statistics is None:
                continue
            tensors = {name: tensor.clone() for name, tensor in statistics.tensors().items()}
            try:
                kept = engine.statistics_from_tensors(tensors)
            except OptionError:
                continue  # the engine does not offer it
            again = kept.tensors()
            assert again.keys() == tensors.keys(), "statistics_from_tensors(tensors) has other names"
            for name, tensor in tensors.items():
                assert torch.equal(again[name], tensor), f"statistics_from_tensors changes {name!r}"

    def _made(self) -> list[tuple[AnyEngine, str]]:
        return [(self.make(device), device) for device in devices()]

    def _image(self, engine: AnyEngine, device: str) -> Tensor:
        least = engine.info.smallest
        return _picture(max(37, least), max(53, least), device, seed=3)

    def _pair(self, engine: AnyEngine, device: str) -> tuple[Tensor, object]:
        return self._image(engine, device), engine.encode_style(_picture(60, 80, device))


def _gap(first: Tensor, second: Tensor) -> float:
    return float((first - second).abs().max())


def _picture(height: int, width: int, device: str, seed: int = 1) -> Tensor:
    """White noise (1, 3, H, W) in [0, 1], the hardest picture for parts."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)).to(device)
