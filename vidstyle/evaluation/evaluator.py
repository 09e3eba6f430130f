"""The evaluation of results against their clip, in one pass over all frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Unpack, cast

from vidstyle.device import choose_device
from vidstyle.engines.base import AnyEngine
from vidstyle.errors import InputError, OptionError, VidstyleError
from vidstyle.evaluation.alignment import Matching
from vidstyle.evaluation.chosen_metrics import ChosenMetrics
from vidstyle.evaluation.flicker_maps import Flicker, HeatClip
from vidstyle.evaluation.results import BASELINE, CLIP, Conditions, Evaluation
from vidstyle.flow.base import FlowEstimator, load_flow, scoring_flows
from vidstyle.flow.cache import FlowCache
from vidstyle.frames import Frame, Pixels
from vidstyle.metrics.base import Metric, Motion, Sample, Setup
from vidstyle.metrics.meaning import meaning_of
from vidstyle.metrics.measurer import Measurer
from vidstyle.metrics.motion import DEFAULT_SIZE, ScoringFlow
from vidstyle.options import ReadOptions, check_keywords, make_record
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.options.keywords import ReadKeywords
from vidstyle.outputs import check_outputs
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.registry import FEATURES, name_of_part
from vidstyle.styles.pictures import Style, load
from vidstyle.temporal.cuts import Cuts
from vidstyle.tensors import to_tensor
from vidstyle.video.reading.provenance import warped_by

OnMeasured = Callable[[int, int | None], object]
"""Called with the number of frames measured so far, and their estimated total."""


def evaluate(
    result: str | Path | Sequence[str | Path],
    *,
    source: str | Path,
    style: Style | None = None,
    baseline: str | Path | None = None,
    engine: str | AnyEngine | None = None,
    weights: str | Path | None = None,
    engine_option: Mapping[str, object] | Sequence[str] = (),
    metrics: Sequence[str | type[Metric] | Metric] | None = None,
    flow: str | FlowEstimator = "auto",
    flow_size: int | None = DEFAULT_SIZE,
    features: str = "vgg16",
    every: int = 1,
    device: str = "auto",
    heatmap: str | Path | None = None,
    overwrite: bool = False,
    cache: FlowCache | None = None,
    on_frame: OnMeasured | None = None,
    **options: Unpack[ReadKeywords],
) -> Evaluation:
    """Measure one or several results of a clip; see ``docs/evaluation.md`` for what the numbers mean.

    Raises ``InputError`` for files that cannot be read or are not of this clip, ``OptionError`` for invalid
    options, and ``OutputError`` for a heatmap that cannot be written.

    Args:
        result: a file, folder or pattern of pictures, or several of them.
        source: the clip from which they were made.
        style: the style; if None, style is not measured.
        baseline: a result of the same engine with each frame painted separately, which flickers most.
        engine: a name or an object, which paints the baseline in ``style``; instead of ``baseline``.
        weights: the weights file of that engine; None: its bundled one.
        engine_option: options of that engine.
        metrics: names, "package.module:Class", classes or objects; None: all that can be measured.
        flow: the estimator for scoring; auto: one with which none of the results was made.
        flow_size: short side (px) at which motion is estimated; None: that of the clip.
        features: the perceptual encoder, vgg16 (bundled) or vgg19.
        every: one in so many frames is measured.
        device: where to compute.
        heatmap: where to write a clip that shows where the first result flickers.
        overwrite: whether the heatmap may replace a file.
        cache: keeps motion between runs; None: the one of the user.
        on_frame: called after each frame.
        options: the part of the clip that the results show; see ``vidstyle.ReadOptions``.
    """
    check_not_empty(
        result=result, source=source, style=style, baseline=baseline, weights=weights, heatmap=heatmap
    )
    check_keywords(options, ReadOptions)
    read = make_record(ReadOptions, options)
    if every < 1:
        raise OptionError(f"--every must be 1 or more, got {every}")
    if baseline is not None and engine is not None:
        raise OptionError("--baseline and --engine both give the per-frame baseline; give one of them")
    if engine is not None and style is None:
        raise OptionError("--engine needs --style: what it is to paint in")
    if engine is None and (weights is not None or engine_option):
        raise OptionError("--weights and --engine-option are the engine's; give --engine too")
    results = [result] if isinstance(result, (str, Path)) else list(result)
    read_files = [*results, source, baseline, style, weights]
    if heatmap is not None:
        inputs = [item for item in read_files if isinstance(item, (str, Path))]
        check_outputs([("--heatmap", Path(heatmap))], inputs)
    paths = _by_name(results)
    chosen_device = choose_device(device)
    picture = None if style is None else to_tensor(load(style), chosen_device)
    warped = {name: warped_by(path) for name, path in paths.items()}
    chosen = ChosenMetrics(metrics, has_style=picture is not None, has_baseline=bool(baseline or engine))
    painter = (
        None
        if engine is None or style is None
        else Stylizer(
            style,
            engine=engine,
            weights=weights,
            engine_option=engine_option,
            device=cast("Any", device),
        )
    )
    with ExitStack() as stack:
        files = dict(paths) if baseline is None else {**paths, BASELINE: Path(baseline)}
        matching = stack.enter_context(Matching(Path(source), files, read))
        setup = Setup(style=picture, features=FEATURES.load(features)(chosen_device), every=every)
        has_baseline = baseline is not None or painter is not None
        columns = chosen.columns([*paths, CLIP, *([BASELINE] if has_baseline else [])], setup)
        scoring, note = _scoring(chosen, flow, warped, str(chosen_device), flow_size, cache)
        measurer = Measurer(columns, scoring or _no_motion, every=every)
        flicker = Flicker(list(paths))
        heat = None
        if heatmap is not None:
            heat = stack.enter_context(HeatClip(Path(heatmap), matching.info, overwrite=overwrite))
        collected = _Collected(measurer, flicker, heat, painter, str(chosen_device))
        for frame, pictures in matching:
            collected.add(frame, pictures)
            if on_frame is not None:
                on_frame(measurer.frames, matching.info.frames)
        if not measurer.frames:
            raise InputError(f"{source} has no frames in the selected part; see --start and --end")
        values, remarks = _by_metric(measurer.results(), chosen.names)
        conditions = Conditions(
            flow="" if scoring is None else scoring.name,
            flow_size=flow_size if scoring is not None else None,
            warped_by=warped,
            features=features,
            size=(matching.info.width, matching.info.height),
            every=every,
            intervals=chosen.intervals,
            normalisation={name: meaning_of(name).mean for name in chosen.names if meaning_of(name).mean},
            notes=(*matching.notes, *note, *_remarks(columns), *remarks),
        )
    return Evaluation(
        source=Path(source),
        results=paths,
        values=values,
        missing=chosen.missing,
        frames=measurer.frames,
        cuts=tuple(collected.cuts),
        conditions=conditions,
        times=tuple(collected.times),
        curves={column: {m: tuple(v) for m, v in row.items()} for column, row in collected.curves.items()},
        worst=flicker.worst(),
        heat=flicker.heat(),
    )


class _Collected:
    """Measures frame by frame; collects cuts, times and curves."""

    def __init__(
        self,
        measurer: Measurer,
        flicker: Flicker,
        heat: HeatClip | None,
        painter: Stylizer | None,
        device: str,
    ) -> None:
        self._measurer, self._flicker, self._heat = measurer, flicker, heat
        self._painter, self._device = painter, device
        self._detector = Cuts()
        self.cuts: list[Fraction] = []
        self.times: list[float] = []
        self.curves: dict[str, dict[str, list[float | None]]] = {}

    def add(self, frame: Frame, pictures: Mapping[str, Pixels]) -> None:
        """Measure a frame of the clip and those of the results, by name."""
        is_cut = self._detector.look(frame.pixels).is_break
        if is_cut and self._measurer.frames:
            self.cuts.append(frame.time)
        content = to_tensor(frame.pixels, self._device)
        results = {name: to_tensor(pixels, self._device) for name, pixels in pictures.items()}
        if self._painter is not None:
            results[BASELINE] = to_tensor(self._painter.image(frame.pixels), self._device)
        baseline = results.get(BASELINE)
        base = Sample(content, content, baseline, is_cut)
        samples = {name: replace(base, result=result) for name, result in results.items()}
        samples[CLIP] = base
        is_measured = self._measurer.frames % self._measurer.every == 0
        values = self._measurer.add(samples)
        if is_measured:
            self._add_to_curves(frame.time, values)
        motion = self._measurer.latest_motion.get(1)
        if motion is not None:
            self._flicker.add(frame.time, self._measurer.latest_before or {}, samples, motion, values)
        if self._heat is not None:
            self._heat.add(frame, self._flicker.latest if motion is not None else None)

    def _add_to_curves(self, time: Fraction, values: Mapping[str, Mapping[str, float | None]]) -> None:
        self.times.append(float(time))
        for column, row in values.items():
            curves = self.curves.setdefault(column, {name: [] for name in row})
            for name, value in row.items():
                curves[name].append(value)


def _by_name(results: Sequence[str | Path]) -> dict[str, Path]:
    """The paths of the results, each by a short, unique name."""
    if not results:
        raise OptionError("no result to evaluate; give one or more")
    paths: dict[str, Path] = {}
    for path in map(Path, results):
        name, number = path.stem or str(path), 1
        while name in paths or name in (CLIP, BASELINE):
            number += 1
            name = f"{path.stem}-{number}"
        paths[name] = path
    return paths


def _scoring(
    chosen: ChosenMetrics,
    flow: object,
    warped: Mapping[str, str | None],
    device: str,
    size: int | None,
    cache: FlowCache | None,
) -> tuple[ScoringFlow | None, list[str]]:
    """The scoring flow (None: not needed), and notes on it for the report."""
    if not chosen.needs_motion:
        return None, []
    if flow == "auto":
        name, estimator = _independent(warped, device)
    else:
        estimator, name = load_flow(flow, device), name_of_part(flow)
    same = [result for result, other in warped.items() if other == name]
    notes = [f"{', '.join(same)}: scored with the flow that steadied it, which flatters"] if same else []
    scoring = ScoringFlow(estimator, name=name, size=size, cache=cache if cache is not None else FlowCache())
    return scoring, notes


def _independent(warped: Mapping[str, str | None], device: str) -> tuple[str, FlowEstimator]:
    """Name and estimator: an available one with which no result was made; if there is none, the best."""
    for name in (other for other in scoring_flows() if other not in warped.values()):
        try:
            return name, load_flow(name, device)
        except VidstyleError:  # its weights do not come with the package
            continue
    best = scoring_flows()[0]
    return best, load_flow(best, device)


def _no_motion(step: int, earlier: Sample, later: Sample) -> Motion:
    raise AssertionError("no metric asked for motion")


def _remarks(columns: Mapping[str, Mapping[str, Metric]]) -> list[str]:
    """The ``remark`` of each metric of the first column that has one."""
    first = next(iter(columns.values()))
    return [remark for metric in first.values() if (remark := getattr(metric, "remark", None))]


def _by_metric(
    columns: Mapping[str, Mapping[str, float | None]], names: Sequence[str]
) -> tuple[dict[str, dict[str, float | None]], list[str]]:
    """Metric to column to value, with None for NaN; and remarks on metrics that could not be measured."""
    values: dict[str, dict[str, float | None]] = {}
    remarks = []
    for name in names:
        by_column = {column: row[name] for column, row in columns.items() if name in row}
        if all(value is None for value in by_column.values()):
            remarks.append(f"{name} had nothing to measure: too few frames, or a cut between all of them")
        for column, value in by_column.items():
            if value is not None and math.isnan(value):
                remarks.append(f"{name} of {column} came out as no number (NaN) and is left out")
                by_column[column] = None
        values[name] = by_column
    return values, remarks
