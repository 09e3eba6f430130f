"""What a loaded stylizer does in a run: it paints a whole clip, or a part of it as within the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.frames import Frame
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.clip_stream import ClipStream, StateAfter
from vidstyle.pipeline.keyframed import OpenFrames
from vidstyle.pipeline.meter import metered
from vidstyle.pipeline.motion import flow_name
from vidstyle.pipeline.plan import Stage
from vidstyle.pipeline.runner import option_values
from vidstyle.pipeline.stream_state import load_state, save_state
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.temporal.base import StylizedFrame
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.loop import Returning
from vidstyle.video.reading.reader import Reader

_TRIAL = 64  # px, side of the pictures with which it is tried whether a state can be kept


def painting(
    stylizer: Stylizer, source: str | Path, read: ReadOptions, write: WriteOptions, *, measure: bool
) -> Stage[Frame]:
    """The stage that paints the frames of ``source``; ``read`` and ``write`` are that file's options."""
    meter = stylizer._meter() if measure else None

    def results(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        def composited(contents: Iterable[Frame]) -> Iterator[StylizedFrame]:
            if stylizer.paints_keyframes:
                return stylizer._keyframed(contents, lambda: Reader(source, read), read)
            return stylizer._composited(contents, read, may_run_ahead=True)

        return composited(frames) if meter is None else metered(frames, composited, meter)

    def keyframes(part: ReadOptions) -> int:
        return stylizer._keyframes(lambda: Reader(source, part))

    values = reported_options(stylizer, read, write)
    return Stage(results, values, meter, keyframes if stylizer.paints_keyframes else None)


class PartPainting:
    """Paints frames of a part of a clip as they are painted within the whole.

    Args:
        stylizer: what paints.
        read: the options with which the whole clip is read.
        reopen: gives the part's frames again, for engines that paint keyframes.
        resume: the file of the state after the frame before; None: the part begins a shot.
        before: how many frames before the part come first, which are looked at to tell shots apart.
    """

    def __init__(
        self, stylizer: Stylizer, read: ReadOptions, reopen: OpenFrames, *, resume: Path | None, before: int
    ) -> None:
        self._stylizer, self._read, self._reopen, self._before = stylizer, read, reopen, before
        self._state = None if resume is None else load_state(resume, stylizer._facts())
        self._results: Returning[StylizedFrame, StateAfter] | None = None

    def results(self, frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        """One result for each frame of the part; times are those of the clip."""
        frames = iter(frames)
        cuts = Cuts() if self._before else None
        for frame in islice(frames, self._before):
            if cuts is not None:
                cuts.look(frame.pixels)
        if self._stylizer.paints_keyframes:
            yield from self._stylizer._keyframed(frames, self._reopen, self._read)
            return
        painted = self._stylizer._composited(
            frames, self._read, may_run_ahead=True, state=self._state, cuts=cuts
        )
        self._state = None  # it may be large
        self._results = Returning(painted)
        yield from self._results

    def save_state(self, path: Path) -> None:
        """Write the state after the last frame, once all results have come."""
        assert self._results is not None and self._results.returned is not None
        state = self._results.returned()
        assert state is not None
        save_state(path, state, self._stylizer._facts())


def painting_facts(stylizer: Stylizer) -> Mapping[str, str]:
    """What results depend on, by name: engine, weights, styles, options of painting, the kind of device."""
    return stylizer._facts()


def keeps_state(stylizer: Stylizer) -> bool:
    """Whether painting can go on from a saved state; not all engines and temporal methods offer that."""
    if stylizer.paints_keyframes or stylizer._paint.layer:
        return False
    side = max(_TRIAL, stylizer._painter.engine.info.smallest)
    noise = np.random.default_rng(0).integers(0, 256, (side, side + 1, 3), np.uint8)
    frames = [
        Frame(np.ascontiguousarray(noise[:, place : place + side]), Fraction(place, 25)) for place in (0, 1)
    ]
    stream = ClipStream(
        stylizer._painter, stylizer._styles, stylizer._paint.strength, stylizer._steady, stylizer._flow
    )
    results = Returning(stream.painted(frames, None, may_run_ahead=False))
    for _ in results:
        pass
    assert results.returned is not None
    try:
        results.returned()
    except OptionError:
        return False
    return True


def reported_options(stylizer: Stylizer, read: ReadOptions, write: WriteOptions) -> dict[str, object]:
    """All options of a run with their values, for its report."""
    return {
        "style": stylizer._names,
        **option_values(stylizer._paint, stylizer._steady, read, write),
        "engine": stylizer._engine_name,
        "runtime": stylizer._runtime_name,
        "working_size": "auto" if stylizer._paint.adapts_size else stylizer._paint.chosen_working_size,
        "temporal": stylizer._method,
        "flow": flow_name(stylizer._steady, stylizer._flow_device) or "none",  # what auto means here
    }
