"""Every notebook in examples/ runs from top to bottom."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from clips import shapes, write_clip
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.slow(reason="paints and measures in a kernel, which is a process of its own")
def test_the_notebooks_run_and_show_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.getenv("PYTHONPATH")])]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where its results go
    # a kernel of this Python, whatever kernels the user has installed
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": "Python", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    clip = write_clip(tmp_path / "clip.mp4", shapes(3, 96, 64))
    notebooks = [_with_clip(path, clip) for path in NOTEBOOKS]
    # one after the other in one kernel, as its start and its imports take most of the time
    forget = nbformat.v4.new_code_cell("%reset -f")  # type: ignore[no-untyped-call]
    (first, second) = notebooks
    cells = [*first.cells, forget, *second.cells]
    whole = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    NotebookClient(whole, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS[0].parent)}}).execute()
    for path, notebook in zip(NOTEBOOKS, notebooks, strict=True):
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        assert not [output for output in outputs if output.output_type == "error"]
        shown = [output.data for output in outputs if "data" in output]
        assert [data for data in shown if "image/png" in data], path
        if path.stem == "first-steps":
            assert [data for data in shown if "<video src=" in data.get("text/html", "")]


def _with_clip(path: Path, clip: Path) -> Any:
    """The notebook ``path`` with a smaller clip in the place of its own, as its text tells users to do."""
    text = path.read_text(encoding="utf-8")
    (own,) = re.findall(r'CLIP = Path\(\\"(.+?)\\"\)', text)
    assert (path.parent / own).is_file()
    return nbformat.reads(text.replace(own, clip.as_posix()), as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []
