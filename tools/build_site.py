"""Builds the documentation site, without a network: the pages of docs/, and the reference from the code.

python tools/build_site.py [--output site]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from site_reference import command_line_page, python_page

ROOT = Path(__file__).resolve().parent.parent
_REPOSITORY = "https://github.com/vidstyle/vidstyle/blob/main"
_RAW = "https://raw.githubusercontent.com/vidstyle/vidstyle/main"
_FURTHER = "    # further pages\n"
_LINK = re.compile(r"(!?)(\[[^\]]*\]\()([^)\s#:]+)(#[^)]*)?\)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "site", help="the folder of the site")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_source(folder)
        environment = {**os.environ, "NO_COLOR": "1"}
        words = [sys.executable, "-m", "zensical", "build", "--strict"]
        if subprocess.run(words, cwd=folder, env=environment).returncode != 0:
            return 1
        shutil.rmtree(arguments.output, ignore_errors=True)
        shutil.copytree(folder / "site", arguments.output)
    print(f"The site is here: {arguments.output / 'index.html'}")
    return 0


def write_source(folder: Path) -> None:
    """The configuration and all pages into ``folder``."""
    source = folder / "source"
    shutil.copytree(ROOT / "docs", source)
    (source / "reference").mkdir()
    for path in source.rglob("*.md"):
        place = (ROOT / "docs" / path.relative_to(source)).parent
        path.write_text(with_site_links(path.read_text("utf-8"), place, place), encoding="utf-8")
    for name, page in (("README.md", "index.md"), ("CHANGELOG.md", "reference/changes.md")):
        text = (ROOT / name).read_text(encoding="utf-8")
        page_folder = (ROOT / "docs" / page).parent
        (source / page).write_text(with_site_links(text, ROOT, page_folder), encoding="utf-8")
    (source / "reference" / "command-line.md").write_text(command_line_page(), encoding="utf-8")
    (source / "reference" / "python.md").write_text(python_page(), encoding="utf-8")
    (folder / "zensical.toml").write_text(configuration(source), encoding="utf-8")


def configuration(source: Path) -> str:
    """``zensical.toml`` for this machine, with the pages that it does not name listed too."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = [path.relative_to(source).as_posix() for path in sorted(source.rglob("*.md"))]
    further = [page for page in pages if f'"{page}"' not in text and not page.endswith("ORIGIN.md")]
    assert _FURTHER in text
    return text.replace(_FURTHER, "".join(f'    "{page}",\n' for page in further)).replace(
        'paths = ["ROOT"]', f"paths = [{str(ROOT)!r}]"
    )


def with_site_links(text: str, place: Path, page_folder: Path) -> str:
    """``text``, whose links count from ``place``, as a page that is in ``page_folder``.

    What is not in docs/ is linked to in the repository.
    """

    def replaced(link: re.Match[str]) -> str:
        mark, label, address, anchor = link[1], link[2], link[3], link[4] or ""
        target = (place / address).resolve()
        if not target.exists():  # not a link: an index of an array in code
            return link[0]
        if target == ROOT / "README.md":
            target = ROOT / "docs" / "index.md"
        if target.is_relative_to(ROOT / "docs"):
            return f"{mark}{label}{os.path.relpath(target, page_folder)}{anchor})"
        base = _RAW if mark else _REPOSITORY
        return f"{mark}{label}{base}/{target.relative_to(ROOT).as_posix()}{anchor})"

    return _LINK.sub(replaced, text)


if __name__ == "__main__":
    sys.exit(main())
