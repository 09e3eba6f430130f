"""A sheet of contents, painted with the weights before and after an adaptation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vidstyle.adaptation.contents import Moment, square
from vidstyle.adaptation.style_pictures import StylePictures
from vidstyle.engines.wct_single_pass import WCTSinglePass
from vidstyle.frames import Frame, Pixels
from vidstyle.nn.single_pass_vgg import SinglePassVGG
from vidstyle.tensors import to_pixels, to_tensor

_CONTENTS, _SIDE = 3, 320  # rows, and the side of each picture, px
_GAP, _TEXT = 8, 16  # px


@torch.no_grad()
def before_and_after(
    styles: StylePictures,
    moments: Sequence[Moment],
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
) -> Frame:
    """Three contents (rows) painted in the first and the last style picture, before and after (columns)."""
    pictures = [styles.pixels[0], *([styles.pixels[-1]] if styles.has_held_out else [])]
    heads = [square(picture, _SIDE) for picture in pictures]
    contents = _contents(moments)
    engines = [
        (name, WCTSinglePass(SinglePassVGG(tensors)))
        for name, tensors in (("before", before), ("after", after))
    ]
    columns: list[tuple[str, list[Pixels | None]]] = [("content", [None, *contents])]
    for picture, head in zip(pictures, heads, strict=True):
        style = engines[0][1].encode_style(to_tensor(picture))  # the encoder does not learn
        for name, engine in engines:
            painted = [to_pixels(engine.stylize(to_tensor(content), style).image) for content in contents]
            columns.append((name, [head if name == "before" else None, *painted]))
    return Frame(_drawn(columns))


def _contents(moments: Sequence[Moment]) -> list[Pixels]:
    count = min(_CONTENTS, len(moments))
    middles = ((2 * number + 1) * len(moments) // (2 * count) for number in range(count))
    return [square(moments[middle][0], _SIDE) for middle in middles]


def _drawn(columns: Sequence[tuple[str, Sequence[Pixels | None]]]) -> Pixels:
    """Columns of pictures with their names above; None leaves a place empty."""
    font = ImageFont.load_default(size=_TEXT)
    step = _SIDE + _GAP
    top = 2 * _GAP + _TEXT
    size = (_GAP + len(columns) * step, top + len(columns[0][1]) * step)
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for column, (name, pictures) in enumerate(columns):
        left = _GAP + column * step
        draw.text((left + _SIDE // 2, top // 2), name, (40, 40, 40), font, anchor="mm")
        for row, picture in enumerate(pictures):
            if picture is not None:
                sheet.paste(Image.fromarray(picture), (left, top + row * step))
    return np.asarray(sheet)
