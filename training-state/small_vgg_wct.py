"""Whitening and colouring with the small VGG: the loss on transformed features, and sheets to judge by."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from small_vgg_data import Split, read
from small_vgg_networks import LEVELS, Features, SmallVGG, Teacher, wct_decode, wct_encode
from torch import Tensor

log = logging.getLogger("small_vgg")

RIDGE = 1e-5  # on variances of scaled features, which are near 1
ALPHAS = (0.7, 1.0)


def transformed_loss(
    model: SmallVGG, teacher: Teacher, value: Tensor, wanted: Features, level: int
) -> Tensor:
    """Style and content errors of paintings decoded from whitened and coloured features of one level.

    ``value``: scaled features (B, C, H, W) of the level, ``wanted``: the teacher's features; the first half
    of the batch gives the content, the second the style. Only the decoders learn from it.
    """
    half = len(value) // 2
    value = value.detach()
    changed = coloured(value[:half], value[half : 2 * half])
    with torch.autocast(value.device.type, torch.bfloat16):
        picture = model.picture(changed, level)
    painted = teacher.features(picture)
    style = [_gram_error(painted[key], wanted[key][half : 2 * half]) for key in LEVELS[:3]]
    content = [_content_error(painted[key], wanted[key][:half]) for key in LEVELS[2:]]
    return torch.stack(style).sum() + 0.5 * torch.stack(content).sum()


@torch.no_grad()
def coloured(content: Tensor, style: Tensor) -> Tensor:
    """``content`` (B, C, H, W) with the means and covariances of ``style``; waits for no device."""
    values, _ = _flat(content)
    _, inverse = _roots(_covariance(values))
    others, aim = _flat(style)
    root, _ = _roots(_covariance(others))
    matrix = (root @ inverse).float()
    return (matrix @ values + aim).view_as(content)


def _flat(value: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H W) around the means, and the means (B, C, 1)."""
    flat = value.float().flatten(2)
    middle = flat.mean(2, keepdim=True)
    return flat - middle, middle


def _covariance(values: Tensor) -> Tensor:
    _, channels, size = values.shape
    ridge = RIDGE * torch.eye(channels, dtype=torch.float64, device=values.device)
    with torch.autocast(values.device.type, enabled=False):
        return (values @ values.transpose(1, 2) / max(1, size - 1)).double() + ridge


def _roots(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Square roots and their inverses, by 28 steps of Newton and Schulz: eigh would wait for the device."""
    norm = covariance.square().sum((1, 2), keepdim=True).sqrt()
    eye = torch.eye(covariance.shape[1], dtype=covariance.dtype, device=covariance.device)
    root, inverse = covariance / norm, eye.expand_as(covariance)
    for _ in range(28):
        step = 1.5 * eye - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * norm.sqrt(), inverse / norm.sqrt()


def _gram_error(value: Tensor, wanted: Tensor) -> Tensor:
    """Mean over the batch of relative squared differences of Gram matrices; dark flat styles count less."""
    with torch.autocast(value.device.type, enabled=False):
        grams = [part.float().flatten(2) for part in (value, wanted)]
        mine, theirs = (part @ part.transpose(1, 2) / part.shape[2] for part in grams)
    power = theirs.square().sum((1, 2))
    return ((mine - theirs).square().sum((1, 2)) / (power + 0.1 * power.mean() + 1e-6)).mean()


def _content_error(value: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared difference of features whose channels have mean 0 and deviation 1 in each picture."""
    return F.mse_loss(F.instance_norm(value.float(), eps=1e-2), F.instance_norm(wanted.float(), eps=1e-2))


@torch.no_grad()
def judge(words_out: Path, sheet: Path, yardstick: Path, teacher: Teacher, split: Split) -> None:
    """Sheets of the held-out styles and contents, the yardstick's painting over ours, one for each alpha."""
    device = teacher.get_buffer("mean").device
    state = torch.load(words_out, map_location=device, weights_only=True)["average"]
    model = SmallVGG({key: value.float() for key, value in state.items()}).to(device)
    wct = {key: value.float().to(device) for key, value in load_file(yardstick).items()}

    def encode(image: Tensor, level: int) -> Tensor:
        return model.scaled(model.encode(image))[level - 1]

    def wct_encoded(image: Tensor, level: int) -> Tensor:
        return wct_encode(wct, image, level)

    def wct_decoded(value: Tensor, level: int) -> Tensor:
        return wct_decode(wct, value, level)

    pairs = {"yardstick": (wct_encoded, wct_decoded), "ours": (encode, model.picture)}
    contents = [_tensor(path, device) for path in split.contents[::2][:6]]
    styles = [_tensor(path, device) for path in split.styles[1::3][:8]]
    for alpha in ALPHAS:
        rows, errors = [[_thumbnail(picture) for picture in [torch.ones_like(contents[0]), *styles]]], {}
        for name in pairs:
            errors[name] = torch.zeros(2)
        for content in contents:
            for name, (encoder, decoder) in pairs.items():
                row = [_thumbnail(content)]
                for style in styles:
                    painting = paint(content, style, alpha, encoder, decoder)
                    row.append(_thumbnail(painting))
                    errors[name] += _distances(teacher, painting, content, style)
                rows.append(row)
        path = sheet.with_name(f"{sheet.stem}-{alpha}.jpg")
        sheet_pixels = np.concatenate([np.concatenate(row, 1) for row in rows])
        cv2.imwrite(str(path), sheet_pixels, [cv2.IMWRITE_JPEG_QUALITY, 88])
        for name, sums in errors.items():
            style, content_error = (sums / (len(contents) * len(styles))).tolist()
            log.info("alpha %.1f %s: Gram %.3f, content %.3f", alpha, name, style, content_error)
        log.info("%s", path)


Part = Callable[[Tensor, int], Tensor]


def paint(content: Tensor, style: Tensor, alpha: float, encode: Part, decode: Part) -> Tensor:
    """The chain of levels 4 to 1 over ``content`` (1, 3, H, W)."""
    picture = content
    for level in (4, 3, 2, 1):
        value = encode(picture, level)
        mixed = alpha * _exactly_coloured(value, encode(style, level)) + (1 - alpha) * value
        picture = decode(mixed, level).clamp(0, 1)
    return picture


def _exactly_coloured(content: Tensor, style: Tensor) -> Tensor:
    """As engines do it: float64, eigenvalues below 1e-8 dropped."""
    values, others = content[0].double().flatten(1), style[0].double().flatten(1)
    middle, aim = values.mean(1, keepdim=True), others.mean(1, keepdim=True)
    parts = []
    for part, power in ((others - aim, 0.5), (values - middle, -0.5)):
        found, vectors = torch.linalg.eigh(part @ part.T / (part.shape[1] - 1))
        kept = found > 1e-8
        parts.append((vectors[:, kept] * found[kept] ** power) @ vectors[:, kept].T)
    changed: Tensor = parts[0] @ parts[1] @ (values - middle) + aim
    return changed.view_as(content[0])[None].to(content.dtype)


def _distances(teacher: Teacher, painting: Tensor, content: Tensor, style: Tensor) -> Tensor:
    """Relative Gram distance to the style (a norm, three levels' mean), content error."""
    painted, source, aim = (teacher.features(picture) for picture in (painting, content, style))
    grams = []
    for key in LEVELS[:3]:
        mine, theirs = (part.float().flatten(2)[0] for part in (painted[key], aim[key]))
        mine, theirs = (part @ part.T / part.shape[1] for part in (mine, theirs))
        grams.append((mine - theirs).norm() / theirs.norm())
    kept = _content_error(painted[LEVELS[3]], source[LEVELS[3]])
    return torch.stack([torch.stack(grams).mean(), kept]).cpu()


def _tensor(path: Path, device: torch.device) -> Tensor:
    """(1, 3, H, W) with a shorter side of 256 px and sides that are multiples of 8."""
    pixels = read(path)
    factor = 256 / min(pixels.shape[:2])
    if factor != 1:
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    height, width = (side // 8 * 8 for side in pixels.shape[:2])
    return torch.from_numpy(pixels[:height, :width].copy()).permute(2, 0, 1)[None].to(device).float() / 255


def _thumbnail(picture: Tensor, height: int = 200, width: int = 240) -> np.ndarray:
    """The middle of a picture, (height, width, 3) BGR in eight bits."""
    factor = max(height / picture.shape[2], width / picture.shape[3])
    small = F.interpolate(picture, scale_factor=factor, mode="bilinear", antialias=True)
    small = small[0, :, (small.shape[2] - height) // 2 :, (small.shape[3] - width) // 2 :][:, :height, :width]
    small = F.pad(small, (0, width - small.shape[2], 0, height - small.shape[1]))
    return (small.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).flip(2).cpu().numpy()
