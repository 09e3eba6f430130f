"""The targets that the article on style transfer names, and which of them a result meets."""

from __future__ import annotations

from vidstyle.evaluation.results import Evaluation
from vidstyle.metrics.meaning import meaning_of, written
from vidstyle.metrics.targets import FRAME_DIFFERENCE, LPIPS, MOS, PSNR, Target

_MEASURED = (LPIPS, FRAME_DIFFERENCE, PSNR)


def target_rows(evaluation: Evaluation) -> list[str]:
    """One row of text for each result: each target, the value, and whether it is met."""
    rows = []
    for name in evaluation.results:
        cells = [_cell(evaluation, target, name) for target in _MEASURED]
        cells.append(f"{MOS.name} {MOS.text}: ask people (vidstyle study)")
        rows.append(f"the article's targets, {name}: {'; '.join(cells)}")
    return rows


def _cell(evaluation: Evaluation, target: Target, result: str) -> str:
    sign = meaning_of(target.name).sign or (f" {meaning_of(target.name).unit}" if target is PSNR else "")
    what = f"{target.name} {target.text}{sign}" + (f" for {target.of}" if target.of else "")
    value = evaluation.values.get(target.name, {}).get(result)
    if value is None:
        reason = evaluation.missing.get(target.name, f"name {target.name} in --metrics")
        return f"{what}: not measured ({reason})"
    return f"{what}: {written(target.name, value)}, {'met' if target.is_met(value) else 'missed'}"
