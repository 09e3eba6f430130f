"""Installs vidstyle into .venv-demo, paints the sample clip and prints where the result is.

python3 scripts/demo.py [--fresh] [--style NAME_OR_PICTURE] [CLIP]
"""

import argparse
import subprocess
import sys
from pathlib import Path

from environment import ROOT, Trouble, prepare

OUTPUT = ROOT / "demo-output"


def main():  # type: () -> int
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", metavar="CLIP", help="another clip than the sample")
    parser.add_argument(
        "--style", default="mosaic", help="a bundled style's name or a picture (default: mosaic)"
    )
    parser.add_argument("--fresh", action="store_true", help="make the virtual environment anew")
    arguments = parser.parse_args()
    clip = Path(arguments.clip).resolve() if arguments.clip else ROOT / "samples" / "bunny.mp4"
    style = arguments.style
    if Path(style).exists():
        style = str(Path(style).resolve())
    result = OUTPUT / f"{clip.stem}_{Path(style).stem}.mp4"
    try:
        python = prepare(".venv-demo", fresh=arguments.fresh)
        OUTPUT.mkdir(exist_ok=True)
        command = [str(python), "-m", "vidstyle", "run", str(clip), "--style", style]
        code = subprocess.run([*command, "--output", str(result), "--overwrite"], cwd=str(ROOT)).returncode
    except (Trouble, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if code == 0:
        print(f"The painted clip is here: {result}")
    return code


if __name__ == "__main__":
    sys.exit(main())
