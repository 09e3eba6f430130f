"""Places chosen by analogy: in pieces, not in crumbs."""

from __future__ import annotations

import numpy as np

from vidstyle.keyframes.analogy import _Search


def test_of_places_that_look_alike_those_are_taken_that_make_large_pieces() -> None:
    random = np.random.default_rng(0)
    source, target = np.zeros((24, 32, 1), np.float32), np.ones((24, 32, 1), np.float32)
    is_left = np.arange(32)[None] < 20
    is_crumb = random.random((24, 32)) < 0.15  # of the other piece
    offsets = np.where(is_left ^ is_crumb, 0, -9).astype(np.float32)
    search = _Search(source, target, np.ones((24, 32), np.bool_), offsets, np.zeros_like(offsets))
    search.agree()
    x, y = search.offsets()
    assert not y.any()
    assert (x[:, 9:17] == 0).mean() > 0.98  # farther to the left places are at the border of the keyframe
    assert (x[:, 23:] == -9).mean() > 0.98
