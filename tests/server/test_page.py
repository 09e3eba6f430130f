"""The page in a browser: clips are dropped, looked at, painted, played and saved; reload, tabs, errors."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from clips import Sound, shapes, write_clip
from page_server import Served, serving
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from vidstyle.cli.main import main

_PATIENCE = 40_000  # ms, on a busy machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_clip(folder / "my clip.mp4", shapes(8, 64, 48), sounds=[Sound()])
    write_clip(folder / "long.mp4", [shapes(1, 240, 160)[0]] * 1500, options={"preset": "ultrafast"})
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "results").mkdir()
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder / "results") as served:
        yield served


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A new tab with the page, as at first; its scripts must raise no error."""
    served.session.looked_at = {}
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(served.address)
    expect(page.locator("#option-engine")).to_be_visible()
    page.select_option("#option-engine", "stylenet")
    yield page
    context.close()
    assert errors == []


def _choose(page: Page, clip: Path) -> None:
    page.set_input_files("#clip-file", clip)
    expect(page.locator("#clip-name")).to_contain_text(clip.name)


def _wait_for_painting(page: Page) -> None:
    page.locator("body[data-painted=full], #notice:not([hidden])").first.wait_for()
    assert page.locator("#notice").text_content() == ""


def _newest_job(page: Page) -> Locator:
    return page.locator("#job-list .job").first


def test_two_pictures_of_one_name_are_two_styles_and_the_command_names_the_right_one(
    page: Page, folder: Path
) -> None:
    _choose(page, folder / "my clip.mp4")
    for color in (40, 200):
        picture = bytes(cv2.imencode(".png", np.full((40, 40, 3), color, np.uint8))[1])
        file: FilePayload = {"name": "same.png", "mimeType": "image/png", "buffer": picture}
        page.set_input_files("#style-file", file)
        name = "same.png" if color == 40 else "same-2.png"
        expect(page.get_by_label(name, exact=True)).to_be_checked()
        expect(page.locator("#command")).to_contain_text(f"--style {name}")
    expect(page.locator("#needs")).to_contain_text("same-2.png (which was dropped as same.png)")
    page.get_by_label("same.png", exact=True).check()
    expect(page.locator("#command")).to_contain_text("--style same.png")
    page.set_input_files("#style-file", file)  # the second one once more: it is chosen, and not added again
    expect(page.get_by_label("same-2.png", exact=True)).to_be_checked()
    expect(page.get_by_text("same-2.png", exact=True)).to_have_count(1)


def test_a_clip_is_dropped_looked_at_painted_played_and_saved(
    page: Page, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = folder / "my clip.mp4"
    files = page.evaluate_handle(
        """([data, name]) => {
            const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: "video/mp4" }));
            return transfer;
        }""",
        [_base64(clip), clip.name],
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": files})
    expect(page.locator("#clip-name")).to_have_text("my clip.mp4, 64 × 48")
    page.get_by_label("waves", exact=True).check()
    page.locator("#option-strength").fill("0.8")
    _wait_for_painting(page)
    expect(page.locator("#strip img")).to_have_count(10)
    command = page.locator("#command")
    expected = "vidstyle run 'my clip.mp4' --style waves --engine stylenet --strength 0.8"
    expect(command).to_have_text(expected)
    page.get_by_role("button", name="Paint the clip").click()
    video = _newest_job(page).locator("video")
    video.wait_for()
    video.evaluate(
        "video => new Promise((done) => { video.onended = done; video.muted = true; video.play(); })"
    )
    sizes = video.evaluate(
        "video => [video.videoWidth, video.videoHeight, video.webkitAudioDecodedByteCount > 0]"
    )
    assert sizes == [64, 48, True]
    with page.expect_download() as download:
        _newest_job(page).get_by_role("link", name="Download").click()
    saved = tmp_path / "saved.mp4"
    download.value.save_as(saved)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my clip.mp4").write_bytes(clip.read_bytes())
    assert main([*shlex.split(expected)[1:], "-o", "by-command.mp4"]) == 0
    assert saved.read_bytes() == (tmp_path / "by-command.mp4").read_bytes()


def test_a_run_goes_on_when_the_page_is_closed_and_shows_again(
    page: Page, served: Served, folder: Path
) -> None:
    _choose(page, folder / "long.mp4")
    page.get_by_label("Stability").fill("0")  # every frame is painted anew, which takes its time
    page.get_by_role("button", name="Paint the clip").click()
    _newest_job(page).get_by_text("a second").wait_for()
    other = page.context.new_page()
    page.reload()  # the style and the options that were chosen are still there
    expect(page.locator("#option-engine")).to_have_value("stylenet")
    expect(page.locator("#clip-name")).to_contain_text("long.mp4")
    other.goto(served.address)
    for tab in (page, other):
        expect(_newest_job(tab).locator("progress")).to_be_visible()
    page.close()
    _newest_job(other).get_by_role("button", name="Stop").click()
    _newest_job(other).get_by_text("are kept").wait_for()
    expect(_newest_job(other).locator("video")).to_be_visible()


def test_several_styles_are_mixed_by_sliders_and_the_time_is_changed_by_keys(
    page: Page, folder: Path
) -> None:
    _choose(page, folder / "my clip.mp4")
    page.set_input_files("#style-file", _picture(folder / "art.png"))
    expect(page.get_by_label("art.png")).to_be_checked()
    page.get_by_label("Mix several").check()
    page.get_by_label("ink", exact=True).press("Space")
    page.locator("#weights input").first.fill("2.5")
    weights = "--style ink --style art.png --style-weights 2.5,1"
    expect(page.locator("#command")).to_contain_text(weights)
    expect(page.locator("#needs")).to_have_text("Run it where these are: my clip.mp4, art.png")
    page.get_by_label("Time", exact=True).press("ArrowRight")
    expect(page.locator("#time-text")).to_have_text("0:00.0 of 0:00.3")
    assert page.get_by_label("Time", exact=True).input_value() == "0.04"
    _wait_for_painting(page)


def test_a_file_that_is_no_clip_is_told_in_a_line(page: Page, folder: Path) -> None:
    page.set_input_files("#clip-file", folder / "broken.mp4")
    expect(page.get_by_role("alert")).to_contain_text("broken.mp4 is not a video that can be read")


def test_a_clip_above_the_limit_is_not_sent(page: Page, served: Served, folder: Path) -> None:
    (folder / "huge.mp4").write_bytes(b"\0" * 10_000_001)
    page.set_input_files("#clip-file", folder / "huge.mp4")
    expect(page.get_by_role("alert")).to_contain_text("larger than 10 MB")


def test_the_page_is_accessible_in_light_and_dark_and_fits_a_phone(page: Page, folder: Path) -> None:
    _choose(page, folder / "my clip.mp4")
    page.get_by_label("Styles over time").check()
    page.get_by_label("Brush", exact=True).check()
    _wait_for_painting(page)
    page.get_by_role("button", name="Fill").click()
    page.get_by_role("button", name="Brushed at 0.0 s").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        assert [(item["impact"], item["id"]) for item in found] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def _picture(path: Path) -> Path:
    cv2.imwrite(str(path), np.random.default_rng(2).integers(0, 255, (24, 32, 3), np.uint8))
    return path


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
