"""What the inputs of a command stand for, and where results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidstyle.cli.inputs import expand, targets
from vidstyle.errors import OptionError
from vidstyle.options import WriteOptions

WRITE = WriteOptions()


def test_clips_that_differ_in_their_kind_only_get_results_of_their_own(tmp_path: Path) -> None:
    for name in ("a.avi", "a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    sources = expand([str(tmp_path)], "waves", WRITE)
    paths = targets(sources, None, "waves", WRITE)
    assert len(set(paths)) == 3
    assert ["avi" in target.stem for target in paths] == [True, False, False]
    for target in paths:
        target.touch()
    assert expand([str(tmp_path)], "waves", WRITE) == sources  # results are no sources


def test_one_name_for_two_results_is_refused(tmp_path: Path) -> None:
    sources = [str(tmp_path / name / "a.mp4") for name in ("one", "two")]
    with pytest.raises(OptionError, match="would all be written to"):
        targets(sources, str(tmp_path), "waves", WRITE)
