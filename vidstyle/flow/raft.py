"""RAFT (Teed and Deng 2020) through torchvision: raft-small is bundled, raft-large comes from a file."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import optical_flow

from vidstyle.errors import DeviceError, OptionError, WeightsMismatch, WeightsMissing
from vidstyle.flow.base import FlowInfo
from vidstyle.weights import RAFT_SMALL, Weights, load

_SMALLEST = 128  # px: below that the coarsest level of the correlation pyramid has a side under 2
_MULTIPLE = 8  # px: the feature encoder's stride


class Raft:
    """A RAFT network as a flow estimator; without state between calls, so threads may share it."""

    info: ClassVar[FlowInfo] = FlowInfo()

    def __init__(
        self,
        network: nn.Module,
        *,
        updates: int = 12,
        device: torch.device | str = "cpu",
        name: str = "raft",
    ) -> None:
        """Put ``network`` on ``device``.

        Args:
            network: torchvision's ``RAFT``.
            updates: iterations of the refinement; 12 is the papers' usual number, 6 halves the time.
            device: where to compute; pictures are brought there, motion comes back on their own device.
            name: its name in reports.
        """
        if updates < 1:
            raise OptionError(f"updates must be 1 or more, got {updates}")
        self._network: Any = network.eval().requires_grad_(False).to(device)
        self.updates = updates
        self.device = torch.device(device)
        self.name = name
        self._checksum: str | None = None

    @property
    def identity(self) -> str:
        """Two estimators of the same identity give the same motion; for cache keys."""
        return f"{self.name}/{self._weights()}/{self.updates}"

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        """Motion (B, 2, H, W) in px, float32, from ``source`` to ``target``, both (B, 3, H, W) in [0, 1]."""
        return self._between(source, target, is_both=False)[0]

    def both(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Motion from ``source`` to ``target`` and back; features are computed once for both."""
        there, back = self._between(source, target, is_both=True)
        return there, back

    @property
    def is_coarse(self) -> bool:
        """Whether the network gives one motion for each 8x8 px, enlarged by interpolation."""
        return self._network.mask_predictor is None

    def coarse(self, source: Tensor, target: Tensor) -> Tensor:
        """If ``is_coarse``, the motion that ``both`` enlarges: (2B, 2, h, w), there, then back, in 8 px."""
        flow, _ = self._run(source, target, is_both=True)
        return flow.to(source.device)

    def enlarge(self, coarse: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """``coarse`` motion as ``both`` gives it for pictures of this size."""
        flow = _interpolated(coarse)[..., :height, :width]
        count = len(flow) // 2
        return flow[:count], flow[count:]

    def _between(self, source: Tensor, target: Tensor, *, is_both: bool) -> list[Tensor]:
        count, _, height, width = source.shape
        flow, mask = self._run(source, target, is_both=is_both)
        larger = _interpolated(flow) if mask is None else _mixed(flow, mask)
        cropped = larger[..., :height, :width].to(source.device)
        return [cropped[begin : begin + count] for begin in range(0, len(cropped), count)]

    def _run(self, source: Tensor, target: Tensor, *, is_both: bool) -> tuple[Tensor, Tensor | None]:
        """The network's own motion, in units of 8 px, and how to mix it for a pixel (None: interpolate)."""
        if source.shape != target.shape or source.ndim != 4 or source.shape[1] != 3:
            raise ValueError(
                f"flow wants two pictures (B, 3, H, W) of one size, "
                f"got {tuple(source.shape)} and {tuple(target.shape)}"
            )
        pictures = torch.cat([source, target]).to(self.device, torch.float32)
        kind = self.device.type
        # float32 also within a training step in bfloat16
        with torch.inference_mode(), torch.autocast(kind, enabled=False):
            try:
                return self._estimate(_pad(pictures * 2 - 1), is_both=is_both)
            except torch.OutOfMemoryError as error:
                height, width = source.shape[-2:]
                raise DeviceError(
                    f"{self.name} ran out of memory on {kind} at {width}x{height}; try a smaller --flow-size"
                ) from error

    def _estimate(self, pictures: Tensor, *, is_both: bool) -> tuple[Tensor, Tensor | None]:
        """As ``_run``, of padded ``pictures`` (sources, then targets) in [-1, 1].

        The same arithmetic as torchvision's ``forward``, which enlarges the motion after every update
        and would encode each picture twice for both ways.
        """
        network = self._network
        first, second = network.feature_encoder(pictures).chunk(2)
        contexts = pictures if is_both else pictures.chunk(2)[0]
        if is_both:
            first, second = torch.cat([first, second]), torch.cat([second, first])
        correlation = copy.copy(network.corr_block)  # its pyramid is an attribute: one for each call
        correlation.build_pyramid(first, second)
        context = network.context_encoder(contexts)
        size = network.update_block.hidden_state_size
        hidden, context = context.split([size, context.shape[1] - size], dim=1)
        hidden, context = torch.tanh(hidden), torch.relu(context)

        begin = _grid(first)
        place = begin
        for _ in range(self.updates):
            features = _correlations(correlation.corr_pyramid, correlation.radius, place)
            hidden, step = network.update_block(hidden, context, features, place - begin)
            place = place + step
        mask = None if network.mask_predictor is None else network.mask_predictor(hidden).float()
        return (place - begin).float(), mask

    def _weights(self) -> str:
        """A checksum of the weights, taken once."""
        if self._checksum is None:
            digest = hashlib.sha256()
            for value in self._network.state_dict().values():
                digest.update(value.detach().cpu().contiguous().numpy().tobytes())
            self._checksum = digest.hexdigest()[:16]
        return self._checksum


class RaftSmall(Raft):
    """RAFT-small with the bundled weights (no download), or with those of a safetensors file of your own."""

    info = FlowInfo(devices=frozenset({"cuda", "mps"}), scoring=1)

    def __init__(
        self,
        weights: Path | None = None,
        *,
        updates: int = 12,
        device: torch.device | str = "cpu",
    ) -> None:
        network = optical_flow.raft_small(weights=None, progress=False)
        _load(network, RAFT_SMALL if weights is None else Path(weights))
        super().__init__(network, updates=updates, device=device, name="raft-small")


class RaftLarge(Raft):
    """RAFT-large with weights from a file (safetensors, or torch's own ``.pth``).

    Without a file, torchvision's in torch's cache are used; ``WeightsMissing`` if they are not there.
    """

    info = FlowInfo(scoring=3)

    def __init__(
        self,
        weights: Path | None = None,
        *,
        updates: int = 12,
        device: torch.device | str = "cpu",
    ) -> None:
        network = optical_flow.raft_large(weights=None, progress=False)
        published = optical_flow.Raft_Large_Weights.DEFAULT
        if weights is not None:
            path = Path(weights)
        else:
            path = Path(torch.hub.get_dir()) / "checkpoints" / Path(published.url).name
            if not path.is_file():
                raise WeightsMissing(
                    f"no weights for raft-large at {path}; fetch {published.url} to there, "
                    "or use --flow raft-small"
                )
        _load(network, path)
        super().__init__(network, updates=updates, device=device, name="raft-large")


def _load(network: nn.Module, source: Weights | Path) -> None:
    """Load ``source`` into ``network``, strictly."""
    state = _legacy(source) if isinstance(source, Path) and source.suffix != ".safetensors" else load(source)
    try:
        network.load_state_dict(state, strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        name = source if isinstance(source, Path) else source.file
        raise WeightsMismatch(f"{name} does not hold this network: {str(error).splitlines()[0]}") from error


def _legacy(path: Path) -> dict[str, Tensor]:
    """The tensors of torch's own kind of file; nothing but tensors is unpickled."""
    if not path.is_file():
        raise WeightsMissing(f"no weights at {path}; give a .safetensors or .pth file of torchvision's RAFT")
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip raise what they like on a file that is none
        raise WeightsMismatch(f"{path} cannot be read as weights ({type(error).__name__})") from error
    return state


def _pad(pictures: Tensor) -> Tensor:
    """Repeat the last column and line until both sides suit the network."""
    height, width = pictures.shape[-2:]
    right, below = (max(_SMALLEST, -(-side // _MULTIPLE) * _MULTIPLE) - side for side in (width, height))
    return F.pad(pictures, (0, right, 0, below), mode="replicate") if right or below else pictures


def _grid(features: Tensor) -> Tensor:
    """Coordinates (B, 2, h, w) of each cell, x first."""
    count, _, height, width = features.shape
    across = torch.arange(width, device=features.device, dtype=torch.float32)
    down = torch.arange(height, device=features.device, dtype=torch.float32)
    y, x = torch.meshgrid(down, across, indexing="ij")
    return torch.stack([x, y]).expand(count, -1, -1, -1)


def _correlations(pyramid: list[Tensor], radius: int, place: Tensor) -> Tensor:
    """The correlations (B, N, h, w) of each cell with those within ``radius`` cells of its ``place``.

    The arithmetic of torchvision's ``index_pyramid``, which would upload the same small grid in each update.
    """
    count, _, height, width = place.shape
    steps = torch.arange(-radius, radius + 1, device=place.device, dtype=torch.float32)
    around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
    middle = place.permute(0, 2, 3, 1).reshape(count * height * width, 1, 1, 2)
    levels = []
    for volume in pyramid:
        lines, columns = volume.shape[-2:]
        x, y = (middle + around).unbind(-1)
        x = 2 * x / (columns - 1) - 1
        y = 2 * y / (lines - 1) - 1 if lines > 1 else y
        sampled = F.grid_sample(volume, torch.stack([x, y], -1), mode="bilinear", align_corners=True)
        levels.append(sampled.view(count, height, width, -1))
        middle = middle / 2
    return torch.cat(levels, dim=-1).permute(0, 3, 1, 2).contiguous()


def _interpolated(flow: Tensor) -> Tensor:
    """``flow`` (B, 2, h, w) in units of 8 px, for each pixel, in px."""
    size = [side * _MULTIPLE for side in flow.shape[-2:]]
    return _MULTIPLE * F.interpolate(flow, size=size, mode="bilinear", align_corners=True)


def _mixed(flow: Tensor, mask: Tensor) -> Tensor:
    """Each pixel's motion as a convex mixture of nine neighbours (Teed and Deng 2020, appendix B)."""
    count, _, height, width = flow.shape
    shares = mask.view(count, 1, 9, _MULTIPLE, _MULTIPLE, height, width).softmax(dim=2)
    near = F.unfold(_MULTIPLE * flow, kernel_size=3, padding=1).view(count, 2, 9, 1, 1, height, width)
    mixed = (shares * near).sum(dim=2).permute(0, 1, 4, 2, 5, 3)
    return mixed.reshape(count, 2, height * _MULTIPLE, width * _MULTIPLE)
