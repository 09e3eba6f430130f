"""The pictures of one style: files, folders and bundled names, one of them held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import OptionError
from vidstyle.file_suffixes import READABLE_PICTURES
from vidstyle.frames import Pixels
from vidstyle.patterns import listed
from vidstyle.styles.pictures import find_style
from vidstyle.video.stills import load_style

MOST = 20


@dataclass(frozen=True, slots=True, eq=False)
class StylePictures:
    """Pictures (H, W, 3) uint8 of one artist or material, one at least."""

    names: tuple[str, ...]
    """Names of their files, without folders: they are published with the weights."""
    pixels: tuple[Pixels, ...]

    @property
    def has_held_out(self) -> bool:
        """Whether the last picture is kept from training, to measure with."""
        return len(self.names) > 1

    @property
    def measured(self) -> tuple[Pixels, ...]:
        """The pictures to measure with: the first one, which is learnt, and the one that is held out."""
        return (self.pixels[0], self.pixels[-1]) if self.has_held_out else self.pixels

    @property
    def measured_names(self) -> str:
        """The names of ``measured``."""
        return f"{self.names[0]} and {self.names[-1]}" if self.has_held_out else self.names[0]

    @property
    def learnt(self) -> tuple[Pixels, ...]:
        """The pictures that are trained on: all, if there is only one, or all but the last."""
        return self.pixels[:-1] if self.has_held_out else self.pixels


def style_files(styles: Sequence[str | Path]) -> list[Path]:
    """The files of ``styles``: pictures, bundled names, and all pictures of folders, in the order of names.

    Raises ``InputError`` for what is not there, ``OptionError`` for no pictures, or more than 20.
    """
    files: list[Path] = []
    for style in styles:
        path = find_style(style)
        if not path.is_dir():
            files.append(path)
            continue
        pictures = [file for file in sorted(listed(path)) if file.suffix.lower() in READABLE_PICTURES]
        if not pictures:
            raise OptionError(f"{path} holds no pictures; give a folder with JPEG, PNG or WebP files in it")
        files += pictures
    if not files:
        raise OptionError(f"no pictures to adapt to; give 1 to {MOST} of one artist or material")
    if len(files) > MOST:
        raise OptionError(
            f"{len(files)} pictures are more than the {MOST} that weights are adapted to; give fewer, or use "
            "vidstyle train"
        )
    return files


def load_styles(files: Sequence[Path]) -> StylePictures:
    """Read ``files``; raises ``InputError`` for one that is no picture."""
    return StylePictures(tuple(file.name for file in files), tuple(load_style(file) for file in files))
