"""A stream of frames that is stopped after any frame and goes on from the state in a file."""

from __future__ import annotations

import subprocess
import sys
import weakref
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import write_clip
from safetensors.torch import load_file
from scenes import ground, shot, view
from torch import Tensor

from vidstyle import Frame, InputError, OptionError, OutputError, Stylizer
from vidstyle.engines.base import Engine, EngineInfo, Painted
from vidstyle.engines.stylenet import NormStatistics
from vidstyle.frames import Pixels
from vidstyle.pipeline.stream_state import StreamState, load_state, save_state

HEIGHT, WIDTH = 72, 128
CUT, FLASH = 12, 16
STOPS = (1, 7, 9, CUT, CUT + 1, FLASH + 1, FLASH + 2)
"""After the first frame, within a shot and its fades, after a frame equal to the one before, just before and
right after a cut, in a flash and right after it."""


@cache
def scene() -> tuple[Frame, ...]:
    """20 frames, 25 a second: a disc over moving ground, a still, a cut, and a flash of two frames."""
    one, other = ground(3 * HEIGHT, 3 * WIDTH), ground(3 * HEIGHT, 3 * WIDTH, seed=9)
    pictures: list[Pixels] = []
    for index in range(20):
        if index == 8:
            pictures.append(pictures[-1])
            continue
        picture = view(one if index < CUT else other, 180 + 1.5 * index, 108, 1, HEIGHT, WIDTH)
        cv2.circle(picture, (20 + 5 * index, 30), 11, (230.0, 60.0, 20.0), -1)
        pictures.append(shot(picture + (170 if index in (FLASH, FLASH + 1) else 0), noise=1, seed=index))
    return tuple(Frame(item, Fraction(i, 25), Fraction(1, 25)) for i, item in enumerate(pictures))


def made(style: str | tuple[str, ...] = "waves", **options: Any) -> Stylizer:
    return Stylizer(style, **{"engine": "stylenet", "device": "cpu", **options})


def paint(
    stylizer: Stylizer,
    frames: Iterable[Frame],
    resume: Path | None = None,
    save_state: Path | None = None,
) -> list[Pixels]:
    return [frame.pixels for frame in stylizer.frames(frames, resume=resume, save_state=save_state)]


def assert_resumed_equals_unbroken(stylizer: Stylizer, folder: Path, *stops: int) -> None:
    """Stopped after each of ``stops`` and at the end of the last, each part goes on from the one before."""
    frames, end = scene()[: stops[-1]], None
    whole = paint(stylizer, frames)
    parts: list[Pixels] = []
    for first, stop in pairwise((0, *stops)):
        begin, end = end, folder / f"{stop}.safetensors"
        parts += paint(stylizer, frames[first:stop], resume=begin, save_state=end)
    for index, (part, alike) in enumerate(zip(parts, whole, strict=True)):
        assert np.array_equal(part, alike), f"frame {index} differs"


@pytest.mark.parametrize("temporal", ["map", "blend", "none"])
def test_a_stream_that_goes_on_equals_an_unbroken_one(temporal: str, tmp_path: Path) -> None:
    assert_resumed_equals_unbroken(made(temporal=temporal), tmp_path, *STOPS, 20)


def kept_after(folder: Path, count: int) -> set[str]:
    """The names of what is kept after so many frames."""
    paint(made(), scene()[:count], save_state=folder / "state")
    return set(load_file(folder / "state"))


def test_the_stops_are_within_fades_and_in_what_may_be_a_flash(tmp_path: Path) -> None:
    assert "loop/method/fading" in kept_after(tmp_path, 7)
    assert "loop/interrupted/result" not in kept_after(tmp_path, CUT)
    assert "loop/interrupted/result" in kept_after(tmp_path, CUT + 1) & kept_after(tmp_path, FLASH + 1)


@pytest.mark.parametrize("kind", ["a picture", "a clip"])
def test_a_mask_is_at_its_place_again(kind: str, tmp_path: Path) -> None:
    masks = [np.full((HEIGHT, WIDTH, 3), 12 * index, np.uint8) for index in range(20)]
    for index, mask in enumerate(masks):
        mask[:, : 6 * index] = 255
    if kind == "a clip":
        file = write_clip(tmp_path / "mask.mkv", masks, codec="ffv1")
    else:
        file = tmp_path / "mask.png"
        cv2.imwrite(str(file), masks[9])
    stylizer = made(mask=file, preserve_color=True, detail=0.7)
    assert_resumed_equals_unbroken(stylizer, tmp_path, 5, 8)


def test_a_moving_style_goes_on(tmp_path: Path) -> None:
    track = tmp_path / "track.txt"
    track.write_text("0 waves\n0.8 mosaic\n", encoding="utf-8")
    assert_resumed_equals_unbroken(made((), style_track=track), tmp_path, 4, CUT + 1, CUT + 3)


@pytest.mark.parametrize("options", [{"strength": 1.4}, {"stability": 0.5}, {"engine": "wct"}])
def test_the_styles_and_statistics_of_a_shot_go_on(options: dict[str, Any], tmp_path: Path) -> None:
    assert_resumed_equals_unbroken(made(**options), tmp_path, 4, 7)


def test_a_stream_goes_on_in_another_process(tmp_path: Path) -> None:
    frames, stop, file = scene()[:9], 5, tmp_path / "state.safetensors"
    whole = paint(made(), frames)
    paint(made(), frames[:stop], save_state=file)
    np.save(tmp_path / "rest.npy", np.stack([frame.pixels for frame in frames[stop:]]))
    program = (
        "import numpy, vidstyle; rest = list(numpy.load('rest.npy'));"
        "painted = vidstyle.stylize_frames("
        "rest, style='waves', engine='stylenet', device='cpu', resume='state.safetensors');"
        "numpy.save('painted.npy', numpy.stack(list(painted)))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=120)
    assert np.array_equal(np.load(tmp_path / "painted.npy"), np.stack(whole[stop:]))


def test_a_state_that_is_loaded_and_saved_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    stylizer = made()
    paint(stylizer, scene()[: FLASH + 1], save_state=first)
    facts = stylizer._facts()
    save_state(second, load_state(first, facts), facts)
    assert first.read_bytes() == second.read_bytes()


def test_a_state_that_cannot_be_written_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    stylizer = made()
    paint(stylizer, scene()[:2], save_state=tmp_path / "state")
    facts = stylizer._facts()
    state = load_state(tmp_path / "state", facts)
    with pytest.raises(OutputError, match=r"could not be written to .*: No such file or directory"):
        save_state(tmp_path / "nowhere" / "state", state, facts)
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))  # as a full disk
    try:
        with pytest.raises(OutputError, match=r"could not be written to .*: File too large"):
            save_state(tmp_path / "other", state, facts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_stream_of_no_frames_keeps_its_state(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    stylizer = made()
    paint(stylizer, scene()[:3], save_state=first)
    paint(stylizer, [], resume=first, save_state=second)
    assert first.read_bytes() == second.read_bytes()


def test_a_stream_that_goes_on_soon_gives_up_what_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state.safetensors"
    parts: list[weakref.ref[Tensor]] = []

    def watched(path: Path, facts: Any) -> StreamState:
        state = load_state(path, facts)
        parts.extend(map(weakref.ref, state.loop.values()))
        return state

    paint(made(), scene()[:3], save_state=file)
    monkeypatch.setattr("vidstyle.pipeline.stylizer.load_state", watched)
    stream = made().frames(scene()[3:6], resume=file)
    next(stream)
    sizes = [part.nbytes for tensor in parts if (part := tensor()) is not None]
    assert len(parts) > 20
    assert sum(sizes) < 0.1 * file.stat().st_size


def test_16_bits_go_on(tmp_path: Path) -> None:
    file, stylizer = tmp_path / "state", made()
    deep = [frame.pixels.astype(np.uint16) * 257 for frame in scene()[:6]]
    whole = list(stylizer.frames(deep))
    before = list(stylizer.frames(deep[:4], save_state=file))
    assert np.array_equal(np.stack([*before, *stylizer.frames(deep[4:], resume=file)]), np.stack(whole))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"style": "mosaic"}, "style ="),
        ({"temporal": "blend"}, "temporal = map, and now it is blend"),
        ({"stability": 0.5}, "stability = 1.0, and now it is 0.5"),
        ({"engine": "wct"}, "engine = stylenet, and now it is wct"),
    ],
)
def test_what_has_changed_is_named(options: dict[str, Any], named: str, tmp_path: Path) -> None:
    file = tmp_path / "state"
    paint(made(), scene()[:2], save_state=file)
    stylizer = made(**options)
    with pytest.raises(OptionError, match=named):
        stylizer.frames(scene()[2:], resume=file)


def test_a_file_that_is_no_state_is_refused_in_one_line(tmp_path: Path) -> None:
    stylizer, file = made(), tmp_path / "state"
    with pytest.raises(InputError, match="cannot be read as the state of a stream"):
        stylizer.frames([], resume=file)
    paint(stylizer, scene()[:2], save_state=file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InputError, match="cannot be read as the state of a stream") as caught:
        stylizer.frames([], resume=file)
    assert "\n" not in str(caught.value)


def test_a_state_without_a_folder_is_refused_before_painting(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        made().frames(scene(), save_state=tmp_path / "none" / "state")


def test_a_stream_that_ends_early_writes_no_state(tmp_path: Path) -> None:
    frames = made().frames(scene(), save_state=tmp_path / "state")
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


class Shade(Engine[Tensor, NormStatistics]):
    """Adds the style's mean colour; its statistics cannot be made from tensors."""

    info = EngineInfo(title="Shade", smallest=1)

    def encode_style(self, image: Tensor) -> Tensor:
        return image.mean((0, 2, 3))

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return styles[0]

    def stylize(
        self, image: Tensor, style: Tensor, statistics: NormStatistics | None = None
    ) -> Painted[NormStatistics]:
        own = statistics or NormStatistics(image.mean((0, 2, 3)), image.var((0, 2, 3)))
        return Painted((image + style.view(1, 3, 1, 1)) / 2, own)


def test_an_engine_that_cannot_be_kept_paints_and_is_named(tmp_path: Path) -> None:
    results = made(engine=Shade()).frames(scene()[:2], save_state=tmp_path / "state")
    assert len([next(results) for _ in range(2)]) == 2
    with pytest.raises(OptionError, match="painted by Shade cannot be kept"):
        next(results)
    assert not list(tmp_path.iterdir())


def test_a_state_of_another_quality_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    paint(made(quality="draft"), scene()[:2], save_state=state)
    with pytest.raises(OptionError, match=r"largest_share = 0\.5, and now it is 1\.0"):
        paint(made(quality="normal"), scene()[2:4], resume=state)
