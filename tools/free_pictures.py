"""Writes pictures that may be redistributed, for the sheets of compare_weights.py, and names.txt.

python tools/free_pictures.py FOLDER      (in an environment with vidstyle[evaluate])
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "samples" / "bunny.mp4"
MOMENTS = (8, 60, 110)  # frames of the clip
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "retina")
"""Of scikit-image's samples: public domain or CC0, each as its function's docstring says."""
TEXTURES = ("hubble_deep_field", "brick", "gravel")
"""Styles from there: public domain (NASA), CC0, CC0."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="free_pictures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder: Path = parser.parse_args().folder
    for room, names in (("content", contents(folder)), ("style", styles(folder))):
        print(f"{folder / room}: {len(names)} pictures")
    return 0


def contents(folder: Path) -> list[str]:
    """Write what is painted: frames of the sample clip, and photographs."""
    import skimage.data

    from vidstyle.video.reading.reader import Reader

    with Reader(CLIP) as reader:
        pictures = {
            f"bunny-{index:03}": frame.pixels for index, frame in enumerate(reader) if index in MOMENTS
        }
    pictures |= {name: getattr(skimage.data, name)() for name in PHOTOGRAPHS}
    return [_saved(folder / "content", name, Image.fromarray(pixels)) for name, pixels in pictures.items()]


def styles(folder: Path) -> list[str]:
    """Write what is painted in: the bundled styles, and textures."""
    import skimage.data

    from vidstyle.styles.pictures import bundled_styles

    pictures: dict[str, Image.Image] = {name: Image.open(path) for name, path in bundled_styles().items()}
    pictures |= {name: Image.fromarray(getattr(skimage.data, name)()) for name in TEXTURES}
    return [_saved(folder / "style", name, picture) for name, picture in pictures.items()]


def _saved(folder: Path, name: str, picture: Image.Image) -> str:
    """Save a picture and add its name to the folder's parent's ``names.txt``, which ``--held-out`` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    picture.convert("RGB").save(folder / f"{name}.png")
    with (folder.parent / "names.txt").open("a", encoding="utf-8") as names:
        names.write(f"{name}.png\n")
    return f"{name}.png"


if __name__ == "__main__":
    sys.exit(main())
