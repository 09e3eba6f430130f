"""``vidstyle page``: it prints its address, ends with Ctrl-C, and refuses what cannot be in a line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from clips import shapes, write_clip

from vidstyle.cli.main import main


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_page_prints_its_address_answers_there_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", shapes(2, 64, 48))
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-m", "vidstyle", "page", "clip.mp4", "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:") and "?token=" in address
            with urllib.request.urlopen(address) as answer:
                assert b"<title>vidstyle</title>" in answer.read()
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(address.partition("?")[0])
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "temporary"]
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 can be reached from other machines; add --allow-remote"),
        (["--host", "example.invalid"], "can be reached from other machines"),
        (["nothing.mp4"], "no such file: nothing.mp4"),
        (["--output", "nowhere"], "there is no folder nowhere for results"),
        (["-"], "the page reads a clip more than once"),
        (["http://example.invalid/a.mp4"], "is an address, not a file"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    words: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["page", "--no-browser", *words]) == 1
    out, err = capsys.readouterr()
    assert line in err and err.count("\n") == 1 and out == ""
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["page"]) == 1
    assert capsys.readouterr().err == (
        "vidstyle: vidstyle page needs uvicorn, which is not installed; pip install 'vidstyle[page]'\n"
    )


def test_a_port_must_be_a_number_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "--port", "70000"]) == 2
    assert "must be a port from 0 to 65535, got 70000" in capsys.readouterr().err
