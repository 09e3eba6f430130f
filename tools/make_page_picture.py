"""Makes the picture of the page for the README: the sample clip in the page, in the browser of this machine.

python tools/make_page_picture.py        (in an environment with vidstyle[test], where Chrome or Chromium is)
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from page_server import browser_path, serving  # noqa: E402 - from the folder of the tests

TARGET = ROOT / "docs" / "images" / "page.jpg"
CLIP = ROOT / "samples" / "bunny.mp4"
STYLE = "mosaic"
STROKES = (  # on the bunny, in shares of the frame's width and height
    ((0.38, 0.23), (0.37, 0.33), (0.33, 0.45), (0.31, 0.6), (0.33, 0.75), (0.4, 0.78)),
    ((0.4, 0.4), (0.38, 0.5), (0.37, 0.6), (0.39, 0.7), (0.43, 0.65), (0.42, 0.5)),
)
SIZE = (1440, 960)  # px, of the window
WIDTH = 1200  # px, of the picture
PATIENCE = 120_000  # ms


def main() -> int:
    parser = argparse.ArgumentParser(prog="make_page_picture", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", type=Path, default=TARGET, help="the picture (default: docs/images)")
    parser.add_argument("--width", type=int, default=SIZE[0], help="px, of the window")
    parser.add_argument("--height", type=int, default=SIZE[1], help="px, of the window")
    parser.add_argument("--dark", action="store_true", help="in dark colours")
    arguments = parser.parse_args()
    target = arguments.target.absolute()
    folder = Path(tempfile.gettempdir()) / "films"  # a short name: the page shows it
    folder.mkdir(exist_ok=True)
    shutil.copy(CLIP, folder)
    os.chdir(folder)  # so that the command on the page has the clip's name alone
    with serving(folder, CLIP.name) as served, sync_playwright() as playwright:
        path, options = browser_path(), ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=options)
        page = browser.new_page(
            viewport={"width": arguments.width, "height": arguments.height},
            color_scheme="dark" if arguments.dark else "light",
        )
        page.set_default_timeout(PATIENCE)
        page.goto(served.address)
        picture = Image.open(io.BytesIO(drawn(page)))
        browser.close()
    (folder / CLIP.name).unlink()
    height = round(picture.height * WIDTH / picture.width)
    small = picture if picture.width <= WIDTH else picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.convert("RGB").save(target, quality=82, optimize=True, progressive=True)
    return 0


def drawn(page: Page) -> bytes:
    """The window once frame, time line and gallery are painted, and the bunny is brushed."""
    page.get_by_label(STYLE, exact=True).check()
    page.get_by_label("Time", exact=True).fill("2")
    page.locator("body[data-painted=full]").wait_for()
    page.locator("#strip img").nth(9).wait_for()
    page.locator(".style img[src*=pictures]").nth(4).wait_for()  # the last painted thumbnail
    page.get_by_label("Brush", exact=True).check()
    page.locator("#brush-size").fill("14")
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    for stroke in STROKES:
        for number, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if number == 0:
                page.mouse.down()
        page.mouse.up()
    page.get_by_role("button", name="Brushed at 2.0 s").wait_for()
    return page.screenshot()


if __name__ == "__main__":
    sys.exit(main())
