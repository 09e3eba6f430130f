"""Preview sheets: the same contents in the same styles at each time, to compare over a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.frames import Frame
from vidstyle.tensors import to_pixels
from vidstyle.training.learner import Learner
from vidstyle.training.objective import Frozen, style_batch
from vidstyle.video.stills import save_image

_GAP = 6  # px


class Sheets:
    """Paints the same contents in the same styles each time; all are pictures (1, 3, S, S) in [0, 1]."""

    def __init__(self, contents: Sequence[Tensor], styles: Sequence[Tensor], frozen: Frozen) -> None:
        self._contents, self._styles = contents, styles
        device = frozen.device
        # made once, as a descriptor takes longer than painting a picture
        self._batch = style_batch(frozen, tuple(style.to(device) for style in styles))

    @torch.no_grad()
    def save(self, path: Path, student: Learner) -> None:
        """Write a sheet to ``path``, a row for each content, a column for each style.

        Raises ``OutputError`` and ``OSError``.
        """
        embeddings = student.encode(self._batch)
        cells = [torch.ones_like(self._styles[0]), *self._styles]
        for content in self._contents:
            many = content.to(embeddings.device).expand(len(embeddings), -1, -1, -1)
            cells += [content, *torch.split(student.paint(many, embeddings).float().cpu(), 1)]
        sheet = _grid(cells, 1 + len(self._styles))
        path.parent.mkdir(parents=True, exist_ok=True)
        save_image(path, Frame(to_pixels(sheet)))


def _grid(cells: Sequence[Tensor], columns: int) -> Tensor:
    """Pictures (1, 3, H, W) in rows, on white; torchvision's takes a second to import."""
    framed = [F.pad(cell, (0, _GAP, 0, _GAP), value=1.0) for cell in cells]
    rows = [torch.cat(framed[at : at + columns], 3) for at in range(0, len(framed), columns)]
    return F.pad(torch.cat(rows, 2), (_GAP, 0, _GAP, 0), value=1.0)
