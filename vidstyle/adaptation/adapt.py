"""From one to twenty pictures of a style to a file of weights, and a sheet of what changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from vidstyle import weights
from vidstyle._version import __version__
from vidstyle.adaptation.before_and_after import before_and_after
from vidstyle.adaptation.contents import load_moments
from vidstyle.adaptation.settings import AdaptOptions
from vidstyle.adaptation.style_pictures import StylePictures, load_styles, style_files
from vidstyle.adaptation.tuner import OnAdaptStep, Tuned, tune
from vidstyle.atomic_write import write_atomically, writing
from vidstyle.errors import OptionError
from vidstyle.options import ReadOptions, check_keywords, make_record
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.options.keywords import AdaptKeywords
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.training.weights_export import digest
from vidstyle.video.stills import save_image

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adapted:
    """The result of an adaptation: files, and what was gained."""

    weights: Path
    sheet: Path
    steps: int
    seconds: float
    """Wall time of learning."""
    measured_on: str
    """Names of the style pictures that style distances are measured to."""
    before: float
    """Style distance of the weights that it began with."""
    after: float
    """Style distance of the weights that are written."""


def adapt(
    style: str | Path | Sequence[str | Path],
    target: str | Path,
    *,
    content: str | Path | Sequence[str | Path] = (),
    on_step: OnAdaptStep | None = None,
    **options: Unpack[AdaptKeywords],
) -> Adapted:
    """Tune the default engine to the pictures of one artist or material; write weights to ``target``.

    A sheet of paintings before and after is written beside them.

    With two pictures or more the last one is held out: it is not trained on, and of all weights measured
    those are written that come nearest to it and to the first one (style distance by VGG-16).
    ``stylize_video(..., weights=target)`` paints with them. Raises a ``VidstyleError``; nothing is written
    then.

    Args:
        style: pictures, bundled names or folders of pictures: 1 to 20 pictures.
        target: ends in ``.safetensors``; the sheet is ``target`` with ``.jpg``.
        content: clips, or pictures, or folders of either, that are painted in training; bundled ones if
            empty. With clips alone, paint also learns to move as they do.
        on_step: called after each step with an ``AdaptProgress``; returning False ends the run, and the best
            weights so far are written.
        options: ``minutes`` or ``steps``, ``engine``, ``weights`` to begin with, ``device``, ``overwrite``,
            and the part of clips that is read.
    """
    check_not_empty(style=style, target=target, content=content)
    check_keywords(options, AdaptOptions, ReadOptions)
    chosen, read = make_record(AdaptOptions, options), make_record(ReadOptions, options)
    target = Path(target)
    sheet = target.with_suffix(".jpg")
    if target.suffix != ".safetensors":
        raise OptionError(f"weights are written as .safetensors, not as {target.name!r}")
    files, sources = style_files(_listed(style)), _listed(content)
    check_outputs([("--output", target), ("the sheet", sheet)], [*files, *sources, chosen.weights])
    for output in (("--output", target), ("the sheet", sheet)):
        check_file_output(output, overwrite=chosen.overwrite)
    styles, moments = load_styles(files), load_moments(sources, read)
    tuned = tune(styles, moments, chosen, on_step)
    last = tuned.last
    if last.best >= last.before:
        log.warning(
            "the paintings came no nearer to %s; the weights are those that it began with",
            styles.measured_names,
        )
    drawn = before_and_after(styles, moments, tuned.begun, tuned.tensors)
    _write(target, tuned, _metadata(styles, sources, chosen, tuned))
    save_image(sheet, drawn)
    return Adapted(target, sheet, last.step, last.seconds, styles.measured_names, last.before, last.best)


def _listed(value: str | Path | Sequence[str | Path]) -> list[str | Path]:
    return [value] if isinstance(value, (str, Path)) else list(value)


def _metadata(
    styles: StylePictures, sources: Sequence[str | Path], options: AdaptOptions, tuned: Tuned
) -> dict[str, str]:
    """What the file says of itself; names of files without folders, which must not be published."""
    held_out = {"held_out": styles.names[-1]} if styles.has_held_out else {}
    return {
        weights.ENGINE: tuned.engine,
        "styles": json.dumps(styles.names),
        **held_out,
        "content": json.dumps([Path(source).name for source in sources] or "bundled"),
        "begun_with": "bundled" if options.weights is None else options.weights.name,
        "steps": str(tuned.last.step),
        "style_distance": f"{tuned.last.before:.4f} before, {tuned.last.best:.4f} after",
        "vidstyle": __version__,
        "sha256": digest(tuned.tensors),
    }


def _write(target: Path, tuned: Tuned, metadata: dict[str, str]) -> None:
    from safetensors.torch import save

    with writing(target):
        write_atomically(target, save(dict(tuned.tensors), metadata))
