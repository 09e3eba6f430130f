"""Evaluates the sample of the README: writes docs/sample-report.html and the table in docs/evaluation.md.

python benchmarks/make_sample_report.py        (in an environment with vidstyle[evaluate])
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench_page import replaced

from vidstyle import evaluate, stylize_video
from vidstyle.evaluation.html_report import write_report
from vidstyle.evaluation.results import Evaluation
from vidstyle.options import DEFAULT_QUALITY, QUALITIES

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "samples" / "bunny.mp4"
STYLE = "waves"
ENGINE = QUALITIES[DEFAULT_QUALITY].engine  # of the baseline: frames painted alone by what painted the sample
EVERY = 5  # one in so many frames is measured: each second is seen five times, in minutes on two cores
CREDIT = (
    '<p class="made">The pictures are of <a href="https://www.bigbuckbunny.org">Big Buck Bunny</a>, '
    "(c) 2008 Blender Foundation, under "
    '<a href="https://creativecommons.org/licenses/by/3.0/">CC BY 3.0</a>, scaled down and painted.</p>\n'
)
LARGEST = 700_000  # bytes of the page: it lies in the repository


def main() -> int:
    parser = argparse.ArgumentParser(description="Evaluates the README's sample.")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="the folder whose pages are written")
    parser.add_argument("--frames", type=int, help="only so many frames")
    parser.add_argument("--every", type=int, default=EVERY, help="measure one in so many frames")
    arguments = parser.parse_args()
    page = arguments.docs / "evaluation.md"
    report = arguments.docs / "sample-report.html"
    replaced(page.read_text(encoding="utf-8"), "sample", "")  # before minutes of measuring
    evaluation = measured(arguments.frames, arguments.every)
    for moments in range(len(evaluation.worst), -1, -1):  # as many of the worst as the page has room for
        write_report(replace(evaluation, worst=evaluation.worst[:moments]), report)
        report.write_text(credited(report.read_text(encoding="utf-8")), encoding="utf-8")
        if report.stat().st_size <= LARGEST:
            break
    # read again: somebody may have written on meanwhile
    page.write_text(replaced(page.read_text(encoding="utf-8"), "sample", table(evaluation)), encoding="utf-8")
    print(f"{report}: {report.stat().st_size // 1000} kB, {moments} of the worst moments")
    return 0


def measured(frames: int | None, every: int) -> Evaluation:
    """The sample painted with nothing but defaults, compared with its clip and the per-frame baseline."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{CLIP.stem}_{STYLE}.mp4"
        stylize_video(CLIP, target, style=STYLE, frames=frames)
        return evaluate(target, source=CLIP, style=STYLE, engine=ENGINE, every=every, frames=frames)


def credited(page: str) -> str:
    """The report's HTML with the credit of the clip at its foot."""
    return page.replace("</body>", f"{CREDIT}</body>")


def table(evaluation: Evaluation) -> str:
    """The table as the command prints it."""
    return f"```\n{evaluation.table()}\n```"


if __name__ == "__main__":
    sys.exit(main())
