"""A contact sheet: frames of a clip in several styles, in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Unpack, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels, VideoInfo, eight_bits
from vidstyle.options import (
    PaintOptions,
    ReadOptions,
    SheetOptions,
    check_keywords,
    make_record,
    select_keywords,
)
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.options.keywords import ImageKeywords, SheetKeywords
from vidstyle.pipeline.styling import styling_name
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.styles.pictures import Style
from vidstyle.video.reading.length import measured_length
from vidstyle.video.reading.probe import probe
from vidstyle.video.reading.raw_pictures import RAW
from vidstyle.video.reading.reader import open_reader
from vidstyle.video.stills import check_picture_target, save_image

_GAP = 8  # px between pictures
_BACKGROUND, _TEXT = (255, 255, 255), (40, 40, 40)  # RGB


def make_sheet(
    source: str | Path,
    target: str | Path,
    *,
    style: Style | Sequence[Style],
    overwrite: bool = False,
    **options: Unpack[SheetKeywords],
) -> Path:
    """Paint a few frames of a clip in each of the styles, as one picture ``target``; returns its path.

    The first row is the source, each further row one style. Frames are evenly spaced over the selected part,
    and stylized separately: all at half the size first, which is what ``target`` shows until all are
    painted in full, if there was no such file.

    Raises:
        OptionError: no style, or an invalid option.
        InputError: the source or a style cannot be read.
        OutputError: ``target`` cannot be written.
    """
    check_not_empty(source=source, target=target, style=style)
    check_keywords(options, SheetOptions, PaintOptions, ReadOptions)
    layout = make_record(SheetOptions, options)
    target = Path(target)
    check_picture_target(target, overwrite)
    styles = list(style) if isinstance(style, (list, tuple)) else [cast(Style, style)]
    if not styles:
        raise OptionError("a sheet needs at least one style")
    frames = moments(Path(source), make_record(ReadOptions, options), layout.moments)
    stylizer = Stylizer(styles[0], **cast(ImageKeywords, select_keywords(options, PaintOptions)))
    is_new = not (target.exists() or target.is_symlink())

    def paintings(frame: Frame, item: Style) -> Iterator[Pixels]:
        """Of ``frame``: a coarse one if that may be seen, and the final one."""
        if is_new:
            yield from stylizer.progressive(frame, style=item)
        else:
            yield stylizer.image(frame, style=item)

    rows = [(styling_name(item, None), [paintings(frame, item) for frame in frames]) for item in styles]
    try:
        for _ in range(2 if is_new else 1):
            painted = [
                (name, [replace(frame, pixels=next(each)) for frame, each in zip(frames, row, strict=True)])
                for name, row in rows
            ]
            save_image(target, Frame(np.asarray(_draw([("source", frames), *painted], layout.cell))))
    except BaseException:
        if is_new:
            target.unlink(missing_ok=True)
        raise
    return target


def moments(source: Path, read: ReadOptions, count: int) -> list[Frame]:
    """``count`` evenly spaced frames of the part that ``read`` selects; fewer if it is too short.

    Times are those of the source. Raises ``InputError`` and ``OptionError`` as a reader does.
    """
    frames: list[Frame] = []
    for time in evenly_spaced(probe(source, read), read, count):
        try:
            with open_reader(source, replace(read, start=time, end=None, frames=1)) as reader:
                frames += [replace(frame, time=time) for frame in reader]
        except OptionError:  # no frame begins at or after ``time`` if the last one is longer than a step
            if not frames:
                raise
    return frames


def evenly_spaced(info: VideoInfo, read: ReadOptions, count: int) -> list[Fraction]:
    """Times (s, the source's) at the middles of ``count`` equal intervals of the part that is read.

    Only the part's start if it is no longer than a frame.
    """
    start = read.start or Fraction(0)
    duration = info.duration
    if duration is None and info.container == RAW and info.rate:
        with open_reader(info.path, read) as reader:
            duration = sum(1 for _ in reader) / info.rate
    if duration is None:  # unknown: all packets are read
        end = measured_length(info.path)
        duration = min(end, read.end or end) - start
    # the last frame begins a step before the end
    length = max(Fraction(0), duration - (1 / info.rate if info.rate else 0))
    shares = range(count if length else 1)
    return [start + length * Fraction(2 * share + 1, 2 * count) for share in shares]


def _draw(rows: Sequence[tuple[str, Sequence[Frame]]], cell: int) -> Image.Image:
    """Draw ``rows`` of pictures ``cell`` px wide, with times above the columns and names left of the rows."""
    text_size = max(11, cell // 18)
    font = ImageFont.load_default(size=text_size)
    first = rows[0][1]
    height = max(1, round(cell * first[0].height / first[0].width))
    margin = _GAP + max(int(font.getlength(name)) for name, _ in rows) + _GAP
    top = _GAP + text_size + _GAP
    size = (margin + len(first) * (cell + _GAP), top + len(rows) * (height + _GAP))
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for column, frame in enumerate(first):
        middle = margin + column * (cell + _GAP) + cell // 2
        draw.text((middle, top // 2), f"{float(frame.time):.2f} s", _TEXT, font, anchor="mm")
    for row, (name, frames) in enumerate(rows):
        y = top + row * (height + _GAP)
        draw.text((margin - _GAP, y + height // 2), name, _TEXT, font, anchor="rm")
        for column, frame in enumerate(frames):
            picture = Image.fromarray(eight_bits(frame.pixels))
            small = picture.resize((cell, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (margin + column * (cell + _GAP), y))
    return sheet
