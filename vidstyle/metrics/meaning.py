"""What each metric's number means to a reader: its unit, what is good, and how many digits tell something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a metric is read."""

    unit: str
    good: str
    """What is good, in a few words."""
    digits: int = 4
    """Significant digits that are shown."""
    tells_clip: bool = True
    """Whether the clip's own value says anything."""
    tells_alone: bool = True
    """Whether the value of frames painted each alone says anything."""
    mean: str = ""
    """How differences along the motion become one number, where fields differ in that."""


_SQUARES = "mean squared difference over trusted pixels"
_ROOT = "root mean square over all pixels, distrusted ones as 0"

MEANINGS = {
    "warping_error": Meaning("squared intensity", "low: near the clip's own", mean=_SQUARES),
    "frame_difference": Meaning("%", "low: under 2", mean="mean absolute difference over trusted pixels"),
    "flicker_reduction": Meaning("ratio", "high, at equal style and sharpness", tells_alone=False),
    "temporal_loss_short": Meaning("intensity", "low", mean=_ROOT),
    "temporal_loss_long": Meaning("intensity", "low", mean=_ROOT),
    "temporal_loss_longest": Meaning("intensity", "low", mean=_ROOT),
    "style_distance": Meaning("1", "low: near each frame's alone"),
    "content_distance": Meaning("1", "low, if the style allows", tells_clip=False),
    "sharpness": Meaning("ratio", "near 1: lower is blur", tells_alone=False),
    "structure_moving": Meaning("1", "high: near each frame's alone", tells_clip=False, digits=3),
    "structure_ground": Meaning("1", "high: near each frame's alone", tells_clip=False, digits=3),
    "structure_moving_kept": Meaning(
        "ratio", "near 1: lower is haze", tells_clip=False, tells_alone=False, digits=3
    ),
    "structure_ground_kept": Meaning(
        "ratio", "near 1: lower is haze", tells_clip=False, tells_alone=False, digits=3
    ),
    "structure_small": Meaning("1", "high: small things are seen", tells_clip=False, digits=3),
    "structure_small_kept": Meaning(
        "ratio", "near 1: lower loses small things", tells_clip=False, tells_alone=False, digits=3
    ),
    "pops": Meaning("% of the picture", "low: no patch jumps", tells_clip=False, digits=3),
    "streaks": Meaning("% of the texture", "low", tells_clip=False, tells_alone=False, digits=3),
    "ghosts": Meaning(
        "% of the picture", "0: no paint of what is gone", tells_clip=False, tells_alone=False, digits=3
    ),
    "drift": Meaning("px a frame", "low: near the clip's own", digits=3),
    "tof": Meaning("px", "low: moves as the clip does", tells_clip=False),
    "lpips": Meaning("1", "low: painted as each frame alone", tells_alone=False),
    "tlpips": Meaning("100 LPIPS", "low: changes as much as the clip", tells_clip=False),
    "fid": Meaning("squared features", "low: near each frame's alone"),
    "art_fid": Meaning("1", "low: near each frame's alone"),
    "clip_consistency": Meaning("cosine", "high: 0.98 and more says little"),
    "ssim": Meaning("1", "high, if the style allows", tells_clip=False),
    "psnr": Meaning("dB", "high, if the style allows", tells_clip=False),
}
"""One entry for each of ``registry.METRICS``."""


def written(name: str, value: float | None) -> str:
    """``value`` of the metric ``name`` as a reader wants it; a dash where there is none."""
    if value is None:
        return "-"
    digits = MEANINGS[name].digits if name in MEANINGS else 4
    return f"{value:#.{digits}g}".rstrip(".")
