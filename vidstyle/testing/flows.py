"""The contract of flow estimators, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.base import FlowEstimator
from vidstyle.testing.devices import devices


class FlowContract(ABC):
    """Checks one estimator, on each device there is; a subclass defines ``make``."""

    finds_motion: bool = True
    """False for an estimator that always returns no motion."""

    @abstractmethod
    def make(self, device: str) -> FlowEstimator:
        """The estimator, for ``device``."""

    def test_motion_is_float32_in_px_of_the_pictures_size(self) -> None:
        for device in devices():
            flow = self.make(device)
            for size in ((16, 16), (37, 53), (130, 141)):
                source, target = _shifted(*size, 1, 1, device)
                motion = flow(source, target)
                shape = tuple(motion.shape)
                assert shape == (1, 2, *size), f"motion must be (1, 2, H, W), {(1, 2, *size)}, it is {shape}"
                assert motion.dtype == torch.float32, f"motion must be float32, it is {motion.dtype}"
                assert motion.device.type == device, f"motion must be on {device}, it is on {motion.device}"
                assert torch.isfinite(motion).all(), f"motion of {size} px is not finite"

    def test_motion_goes_from_the_source_to_the_target_x_first(self) -> None:
        if not self.finds_motion:
            return
        for device in devices():
            for dx, dy in ((3, -2), (-5, 1)):
                motion = self.make(device)(*_shifted(128, 144, dx, dy, device))
                x, y = motion[0, :, 16:-16, 16:-16].flatten(1).median(1).values.tolist()
                assert abs(x - dx) < 0.5 and abs(y - dy) < 0.5, (
                    f"a picture moved by {(dx, dy)} px (x, y) must give that motion from source to target, "
                    f"x first, within 0.5 px; it gives {(round(x, 2), round(y, 2))}"
                )

    def test_equal_and_plain_pictures_do_not_move(self) -> None:
        for device in devices():
            flow, (picture, _) = self.make(device), _shifted(128, 144, 0, 0, device)
            still = float(flow(picture, picture).abs().mean())
            assert still < 0.1, f"a picture and itself move by {still} px on average, not under 0.1"
            for value in (0.0, 0.5, 1.0):
                plain = torch.full((1, 3, 64, 64), value, device=device)
                motion = flow(plain, plain)
                assert torch.isfinite(motion).all(), f"motion of plain pictures of {value} is not finite"
                moved = float(motion.abs().mean())
                assert moved < 0.5, f"plain pictures of {value} move by {moved} px on average, not under 0.5"

    def test_pictures_stay_as_they_are_and_nothing_is_remembered(self) -> None:
        for device in devices():
            flow, pair, other = (
                self.make(device),
                _shifted(64, 64, 2, 0, device),
                _shifted(64, 64, -4, 3, device),
            )
            copies = [picture.clone() for picture in pair]
            first = flow(*pair)
            flow(*other)
            again = flow(*pair)
            unchanged = all(torch.equal(one, copy) for one, copy in zip(pair, copies, strict=True))
            assert unchanged, "the estimator has changed the pictures that it was given"
            gap = float((first - again).abs().max())
            assert gap == 0 if device == "cpu" else gap < 0.05, (
                f"the same pictures give motion that differs by {gap} px after others were looked at"
            )

    def test_a_batch_is_estimated_as_its_pairs(self) -> None:
        for device in devices():
            flow = self.make(device)
            pairs = [_shifted(64, 72, 2, 1, device), _shifted(64, 72, -1, 3, device)]
            source, target = (torch.cat(each) for each in zip(*pairs, strict=True))
            single = torch.cat([flow(*pair) for pair in pairs])
            gap = float((flow(source, target) - single).abs().max())
            assert gap < 0.05, f"motion of a batch differs by {gap} px from that of its pairs, not under 0.05"


def _shifted(height: int, width: int, dx: int, dy: int, device: str) -> tuple[Tensor, Tensor]:
    """Two pictures (1, 3, H, W): the second is the first moved by (``dx``, ``dy``) px."""
    generator = torch.Generator().manual_seed(0)
    large = torch.zeros(1, 3, height + 40, width + 40)
    for cells, share in ((4, 0.5), (9, 0.5)):
        size = [max(2, side // cells) for side in large.shape[-2:]]
        rough = torch.rand(1, 3, *size, generator=generator)
        large += share * F.interpolate(rough, large.shape[-2:], mode="bicubic").clamp(0, 1)
    first = large[..., 20 : 20 + height, 20 : 20 + width]
    second = large[..., 20 - dy : 20 - dy + height, 20 - dx : 20 - dx + width]
    return first.contiguous().to(device), second.contiguous().to(device)
