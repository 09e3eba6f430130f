"""Reads and rewrites damaged files: each must give frames or one clear error line, and leave no file behind.

python tools/fuzz.py --count 5000        (in an environment with vidstyle[test])

The number of a file determines its damage, so ``--first 1234 --count 1`` reproduces file 1234.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

from vidstyle.errors import VidstyleError
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.stills import load_image, load_style, save_image
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from damage import damaged, write_seeds

_PATIENCE = 60  # s for one file; after that it hangs
_FRAMES = 200  # more are not asked for: a damaged clock may announce hours


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000, help="how many files (default: 5000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (default: 0)")
    parser.add_argument("--keep", type=Path, help="a folder to copy the files to that went wrong")
    arguments = parser.parse_args()
    logging.disable()
    results: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        seeds = write_seeds(Path(folder))
        for number in range(arguments.first, arguments.first + arguments.count):
            seed = seeds[number % len(seeds)]
            data = damaged(seed.read_bytes(), np.random.default_rng(number))
            faulthandler.dump_traceback_later(_PATIENCE, exit=True)
            fault = _fault_of(seed.name, data)
            faulthandler.cancel_dump_traceback_later()
            results[f"{seed.name} {'wrong' if fault else 'well'}"] += 1
            if fault:
                print(f"{number} {seed.name}: {fault}", flush=True)
                if arguments.keep is not None:
                    (arguments.keep / f"{number}_{seed.name}").write_bytes(data)
    wrong = sum(count for name, count in results.items() if name.endswith("wrong"))
    print(f"{arguments.count} files of {len(seeds)} kinds, {wrong} went wrong")
    return 1 if wrong else 0


def _fault_of(name: str, data: bytes) -> str:
    """What is wrong with how a damaged file is treated; empty if nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / name
        source.write_bytes(data)
        try:
            if source.suffix in (".jpg", ".tif") or source.stem == "still":
                _read_picture(source)
            else:
                _rewrite(source)
        except VidstyleError as error:
            if "\n" in str(error) or not str(error):
                return f"not one line: {error!r}"
        except Exception:  # whatever it is: that is what is looked for
            return traceback.format_exc()
        left = sorted(path.name for path in Path(folder).iterdir() if path.suffix != ".json")
        expected = {name, "result.png", f"result{_suffix(source)}"}
        if set(left) - expected:
            return f"left behind: {', '.join(left)}"
    return ""


def _suffix(source: Path) -> str:
    return {".gif": ".gif", ".png": ".png", ".webp": ".webp", ".webm": ".webm"}.get(source.suffix, ".mkv")


def _read_picture(source: Path) -> None:
    frame = load_image(source)
    with Reader(source.parent) as reader:  # a folder of this one
        first = next(iter(reader))
        if first.pixels.shape != frame.pixels.shape or not (first.pixels == frame.pixels).all():
            raise AssertionError("a folder shows another picture")
    load_style(source)
    save_image(source.with_name("result.png"), frame)


def _rewrite(source: Path) -> None:
    target = source.with_name(f"result{_suffix(source)}")
    options = WriteOptions(preset="ultrafast") if target.suffix == ".mkv" else WriteOptions()
    plan = check_target(target, options, source)
    with (
        Reader(source, ReadOptions(frames=_FRAMES)) as reader,
        Writer(plan, like=reader.info, source=source) as writer,
    ):
        for frame in reader:
            writer.write(frame)


if __name__ == "__main__":
    raise SystemExit(main())
