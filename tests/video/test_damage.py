"""Damaged files of all kinds: frames or one clear line, in good time, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_damaged_files_give_frames_or_one_line_and_leave_nothing_behind() -> None:
    # in a process of its own: what crashes or hangs there is told here
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "fuzz.py"), "--count", "200"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "200 files of 16 kinds, 0 went wrong"
