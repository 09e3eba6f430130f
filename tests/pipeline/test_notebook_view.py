"""Results in a notebook: a small video is in it, others are linked, and a frame is its picture."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import ramp_alpha, shapes, write_clip

from vidstyle.frames import Frame
from vidstyle.pipeline import notebook_view
from vidstyle.pipeline.report import RunReport


def report_of(target: Path) -> RunReport:
    return RunReport(Path("clip.mp4"), target, 12, Fraction(12, 25), (Fraction(1, 5),), 0.5, 0, 3.0)


def test_a_small_video_is_in_the_notebook_itself(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    html = report_of(clip)._repr_html_()
    data = re.search(r'<video src="data:video/mp4;base64,([^"]+)"', html)
    assert data is not None and base64.b64decode(data[1]) == clip.read_bytes()
    assert "12 frames, 0.48 s, painted in 3.0 s, 4.0 frames a second<br>cuts at 0.20 s" in html


def test_what_browsers_do_not_play_or_is_large_is_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossless = write_clip(tmp_path / "a b.mkv", codec="ffv1", pixel_format="bgr0")
    assert f'<a href="{tmp_path.as_posix()}/a%20b.mkv">' in report_of(lossless)._repr_html_()
    monkeypatch.setattr(notebook_view, "_LARGEST", 10)
    assert "<a href" in report_of(write_clip(tmp_path / "clip.mp4"))._repr_html_()


def test_a_name_is_no_markup_and_a_missing_file_is_named(tmp_path: Path) -> None:
    html = report_of(tmp_path / "<script>.mp4")._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;.mp4" in html


def test_a_frame_is_its_picture() -> None:
    pixels, alpha = shapes(1)[0], ramp_alpha(1)[0]
    png = cv2.imdecode(np.frombuffer(Frame(pixels)._repr_png_(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert png is not None and np.array_equal(png[..., ::-1], pixels)
    clear = replace(Frame(pixels), alpha=alpha)._repr_png_()
    both = cv2.imdecode(np.frombuffer(clear, np.uint8), cv2.IMREAD_UNCHANGED)
    assert both is not None and np.array_equal(both[..., 3], alpha)
