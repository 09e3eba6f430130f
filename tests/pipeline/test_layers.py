"""Layers: each style is shown where its mask is white, steady and exact, in one piece and in segments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip
from results import read
from torch import Tensor

import vidstyle
from vidstyle.cli.main import main
from vidstyle.engines.base import Engine, EngineInfo, Painted, Statistics
from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Pixels

RED, BLUE, GREEN = (
    np.full((64, 64, 3), color, np.uint8) for color in ((200, 0, 0), (0, 0, 200), (0, 200, 0))
)


class Colour(Engine[Tensor, Statistics]):
    """Fills a frame with the mean colour of the style."""

    info = EngineInfo(title="Colour", receptive_field=0, smallest=1)

    def encode_style(self, image: Tensor) -> Tensor:
        return image.mean((2, 3), keepdim=True)

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return styles[0]

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Statistics | None = None
    ) -> Painted[Statistics]:
        return Painted(style.expand_as(image))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clip of two shots, style pictures, and masks of halves."""
    monkeypatch.chdir(tmp_path)
    other = [255 - picture[::-1] for picture in shapes(4, 64, 48)]
    write_clip(Path("clip.mkv"), [*shapes(4, 64, 48), *other], codec="ffv1", pixel_format="bgr0")
    for name, picture in (("blue.png", BLUE), ("green.png", GREEN)):
        cv2.imwrite(name, picture[..., ::-1])
    right, low = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint8)
    right[:, 32:], low[24:] = 255, 255
    cv2.imwrite("right.png", right)
    cv2.imwrite("low.png", low)
    return tmp_path


def colors(pixels: Pixels) -> list[tuple[int, ...]]:
    """Those of the quarters: top left, top right, bottom left, bottom right."""
    return [tuple(map(int, pixels[y, x])) for y in (5, 43) for x in (5, 59)]


def is_near(one: Sequence[tuple[int, ...]], other: Sequence[tuple[int, ...]]) -> bool:
    return bool(np.abs(np.array(one) - np.array(other)).max() <= 2)


def test_each_layer_is_shown_where_its_mask_is_white_the_last_on_top(place: Path) -> None:
    layers = ["blue.png=right.png", "green.png=low.png"]
    frames = shapes(3, 64, 48)
    painted = list(vidstyle.stylize_frames(frames, style=RED, engine=Colour(), layer=layers, detail=0))
    red, blue, green = (200, 0, 0), (0, 0, 200), (0, 200, 0)
    assert all(is_near(colors(pixels), [red, blue, green, green]) for pixels in painted)
    still = vidstyle.stylize_image(frames[0], style=RED, engine=Colour(), layer=layers, detail=0)
    assert is_near(colors(still), [red, blue, green, green])


def test_a_film_with_layers_in_segments_equals_that_in_one_piece(place: Path) -> None:
    for target, segments in (("whole.mkv", "off"), ("parts.mkv", "0.1")):
        report = vidstyle.stylize_video(
            "clip.mkv",
            target,
            style="waves",
            layer={"blue.png": "right.png"},
            engine="stylenet",
            codec="ffv1",
            segments=segments,
        )
        assert report.segments == (1 if segments == "off" else 2)
    whole, parts = ([pixels for pixels, _ in read(Path(name))] for name in ("whole.mkv", "parts.mkv"))
    assert all(np.array_equal(*pair) for pair in zip(whole, parts, strict=True))


def test_the_mask_of_a_layer_may_be_a_clip(place: Path) -> None:
    black, white = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 255, np.uint8)
    write_clip(Path("mask.mkv"), [black, black, white, white], codec="ffv1", pixel_format="bgr0")
    frames = shapes(4, 64, 48)
    layer = [("blue.png", "mask.mkv")]
    painted = list(vidstyle.stylize_frames(frames, style=RED, engine=Colour(), layer=layer, detail=0))
    firsts = [colors(pixels)[0] for pixels in painted]
    assert is_near(firsts, [(200, 0, 0)] * 2 + [(0, 0, 200)] * 2)


def test_what_cannot_have_layers_says_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match="paints keyframes: leave out --layer, or give --quality high"):
        vidstyle.Stylizer(RED, quality="best", layer="blue.png=right.png")
    with pytest.raises(OptionError, match="a stream with layers cannot be saved"):
        vidstyle.stylize_frames([], style=RED, engine=Colour(), layer="blue.png=right.png", save_state="a")
    with pytest.raises(InputError, match=r"no style 'purple\.png'"):
        vidstyle.Stylizer(RED, engine=Colour(), layer="purple.png=right.png")
    assert main(["run", "clip.mkv", "--style", "waves", "--layer", "blue.png", "-o", "out.mkv"]) == 1
    assert (
        "--layer must be STYLE=MASK, like painting.jpg=sky.png, got ['blue.png']" in capsys.readouterr().err
    )
    assert main(["run", "clip.mkv", "--style", "waves", "--layer", "waves=low.png", "-o", "low.png"]) == 1
