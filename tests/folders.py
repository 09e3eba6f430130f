"""Small folders of pictures, and short runs on them, for the tests of training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vidstyle.training.config import TrainOptions, settings

# 32 px, three cheap losses: a step takes a tenth of a second
SMALL = (
    *("batch=2", "crop=32", "style_sides=32", "style_layers=conv1_1,conv2_1", "content_layers=conv2_1"),
    *("losses=content=0.1,style=1,shift=0.5", "workers=0", "device=cpu", "log_every=1"),
    *("preview_every=1000", "preview_size=32", "checkpoint_every=1000", "learning_rate=0.002"),
    *("warmup=0", "style_crop=1"),
)


def make_pictures(folder: Path, count: int, seed: int = 0) -> Path:
    """A folder with ``count`` smooth random pictures of different sizes."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(count):
        rough = random.integers(0, 255, (4, 5, 3), np.uint8)
        picture = cv2.resize(rough, (48 + 7 * number, 40 + 5 * number), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def small(recipe: str = "stylenet", steps: int = 6, *pairs: str) -> TrainOptions:
    """Settings of a run of a second."""
    return settings(recipe, pairs=(*SMALL, *pairs), steps=steps)
