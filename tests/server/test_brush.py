"""The page in a browser: brush, styles over time, a stretch that is played, copies of results, the camera."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import Sound, shapes, write_clip
from page_server import Served, serving
from playwright.sync_api import Browser, Page, Response, WebSocketRoute, expect

from vidstyle.server import stretches

_PATIENCE = 40_000  # ms, on a busy machine
_QUICK = """sessionStorage.vidstyle ??= '{"options": {"engine": "stylenet"}}'"""  # before the first look

_SLOW_MASKS = """const quick = window.fetch;
window.fetch = async (url, options) => {
    if (!String(url).includes("/mask?") || options) return quick(url, options);
    await new Promise((resolve) => { setTimeout(resolve, 3000); });
    document.body.dataset.masked = "1";
    return quick(url);
};"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("brush")
    clip = write_clip(folder / "clip.mp4", shapes(6, 192, 144), sounds=[Sound()])
    with serving(folder, str(clip)) as served:
        yield served


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A new tab with a clip of its own, painted by the quickest engine; its scripts must raise no error."""
    _add_clip(served)
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    _open(page, served)
    yield page
    context.close()
    assert errors == []


def _add_clip(served: Served) -> None:
    data = served.session.clips["given"].path.read_bytes()
    served.ask("POST", "/api/clips", body=data, query={"name": "clip.mp4"})


def _open(page: Page, served: Served) -> None:
    """Show the newest clip, painted by the quickest engine."""
    page.add_init_script(_QUICK)
    page.goto(served.address)
    page.locator("body[data-painted=full]").wait_for()


def _on_phone(browser: Browser, served: Served, *, is_mobile: bool = False) -> Page:
    """The page in a context of its own, with the brush chosen; whoever calls this closes the context."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=is_mobile)
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    _open(page, served)
    page.get_by_label("Brush", exact=True).check()
    return page


def _pixel(page: Page, x: float, y: float) -> list[int]:
    """The red, green and blue of the frame on the page at shares of its width and height."""
    value = page.evaluate(
        """([x, y]) => {
            const canvas = document.getElementById("canvas");
            const [left, top] = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
            return [...canvas.getContext("2d").getImageData(left, top, 1, 1).data.slice(0, 3)];
        }""",
        [x, y],
    )
    return [int(each) for each in value]


def _drag(page: Page, begin: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
    """Draw on the frame from one place to another, in shares of its width and height."""
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=steps)
    page.mouse.up()


def test_a_stroke_is_on_the_frame_within_50_ms_and_can_be_taken_back(page: Page, served: Served) -> None:
    page.get_by_label("Brush", exact=True).check()
    before = _pixel(page, 0.5, 0.5)
    _drag(page, (0.3, 0.5), (0.7, 0.5), steps=40)
    durations = page.evaluate("performance.getEntriesByName('stroke').map((each) => each.duration)")
    assert len(durations) > 20
    assert statistics.median(durations) < 50
    brushed = _pixel(page, 0.5, 0.5)
    assert brushed != before
    page.keyboard.press("Control+z")
    assert _pixel(page, 0.5, 0.5) == before
    page.keyboard.press("Control+Shift+z")
    assert _pixel(page, 0.5, 0.5) == brushed
    page.get_by_label("Eraser").check()
    _drag(page, (0.2, 0.5), (0.8, 0.5))
    assert _pixel(page, 0.5, 0.5) == before
    expect(page.locator("#undo")).to_be_enabled()


def test_undo_during_a_stroke_takes_that_stroke_back_whole(page: Page) -> None:
    page.get_by_label("Brush", exact=True).check()
    page.locator("#divider").fill("0")
    places = [(0.4, 0.5), (0.6, 0.5)]
    before = [_pixel(page, *place) for place in places]
    _drag(page, (0.3, 0.5), (0.7, 0.5))
    brushed = [_pixel(page, *place) for place in places]
    assert brushed != before
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.keyboard.press("Control+z")
    assert [_pixel(page, *place) for place in places] == brushed
    page.mouse.up()
    page.keyboard.press("Control+z")
    assert [_pixel(page, *place) for place in places] == before
    expect(page.locator("#undo")).to_be_disabled()


def test_without_its_only_stroke_all_is_as_if_nothing_had_been_brushed(page: Page) -> None:
    command, mark = page.locator("#command"), page.get_by_role("button", name="Brushed at 0.0 s")
    page.get_by_label("Brush", exact=True).check()
    before = _pixel(page, 0.5, 0.5)
    for _ in range(2):
        _drag(page, (0.3, 0.5), (0.7, 0.5))
    brushed = _pixel(page, 0.5, 0.5)
    mark.wait_for()
    expect(command).to_contain_text("--mask clip_mask.mkv")
    page.keyboard.press("Control+z")
    expect(mark).to_have_count(1)
    for _ in range(2):
        page.keyboard.press("Control+z")
        expect(mark).to_have_count(0)
        expect(command).not_to_contain_text("--mask")
        expect(page.get_by_role("link", name="Save the mask clip")).to_be_hidden()
        assert _pixel(page, 0.5, 0.5) == before
        page.keyboard.press("Control+Shift+z")
        expect(mark).to_have_count(1)
        expect(command).to_contain_text("--mask clip_mask.mkv")
        assert _pixel(page, 0.5, 0.5) == brushed
    page.reload()
    page.get_by_label("Brush", exact=True).check()
    _wait_for_pixel(page, (0.5, 0.5), lambda pixel: pixel == brushed)
    with page.expect_response(_is_end_of_stroke):
        _drag(page, (0.3, 0.2), (0.7, 0.2))
    with page.expect_response(_is_end_of_stroke):
        page.keyboard.press("Control+z")
    expect(mark).to_have_count(1)  # it was brushed before, which cannot be undone any more


def _is_end_of_stroke(answer: Response) -> bool:
    return "over=1" in answer.url and answer.request.method == "POST"


def test_the_brush_is_moved_by_keys_and_its_strength_goes_from_the_clip_to_1_5(page: Page) -> None:
    page.locator("#option-strength").fill("1.5")
    page.locator("body[data-painted=full]").wait_for()
    page.get_by_label("Brush", exact=True).check()
    painted, shares = _pixel(page, 0.5, 0.5), []
    page.locator("#show-mask").check()
    for strength in ("0", "0.5", "1.5", "1"):
        page.locator("#brush-strength").fill(strength)
        page.locator("#canvas").focus()
        for key in ("Space", "ArrowRight", "ArrowLeft"):
            page.keyboard.press(key)
        shares.append(_pixel(page, 0.5, 0.5)[0])
    assert shares == [0, 85, 255, 170]
    page.locator("#brush-strength").fill("1.5")
    page.get_by_role("button", name="Fill").click()
    page.locator("#show-mask").uncheck()
    assert _pixel(page, 0.5, 0.5) == painted
    page.get_by_role("button", name="Invert").click()
    page.locator("#divider").fill("100")
    source = _pixel(page, 0.5, 0.5)
    page.locator("#divider").fill("0")
    assert _pixel(page, 0.5, 0.5) == source


def test_what_is_brushed_follows_to_other_frames_in_all_tabs_and_is_marked_on_the_time_line(
    page: Page, served: Served
) -> None:
    page.get_by_label("Time", exact=True).fill("0.04")
    page.get_by_label("Brush", exact=True).check()
    page.locator("#show-mask").check()
    _drag(page, (0.1, 0.5), (0.9, 0.5))
    page.get_by_role("button", name="Brushed at 0.0 s").first.wait_for()
    other = page.context.new_page()
    other.goto(served.address)
    other.locator("body[data-painted]").wait_for()
    for tab in (page, other):
        tab.get_by_label("Brush", exact=True).check()
        tab.locator("#show-mask").check()
        tab.get_by_label("Time", exact=True).fill("0.2")
        _wait_for_pixel(tab, (0.5, 0.5), lambda pixel: pixel[0] < 128)
    expect(page.locator("#command")).to_contain_text("--mask clip_mask.mkv")
    expect(page.get_by_role("link", name="Save the mask clip")).to_be_visible()


def test_a_layer_has_its_own_style_where_it_is_brushed_also_after_a_reload_and_in_a_project(
    page: Page, tmp_path: Path
) -> None:
    page.get_by_label("waves", exact=True).check()
    page.locator("#divider").fill("0")
    page.locator("body[data-painted=full]").wait_for()
    left, right = _pixel(page, 0.25, 0.5), _pixel(page, 0.75, 0.5)
    page.get_by_role("button", name="Add a layer").click()
    page.get_by_label("mosaic", exact=True).check()
    page.locator("body[data-painted=full]").wait_for()
    _drag(page, (0.7, 0.5), (0.8, 0.5))
    _wait_for_pixel(page, (0.75, 0.5), lambda pixel: pixel != right)
    page.locator("body[data-painted=full]").wait_for()
    assert _pixel(page, 0.25, 0.5) == left
    expect(page.locator("#command")).to_contain_text("--style waves --layer mosaic=clip_mask_2.mkv")
    brushed = _pixel(page, 0.75, 0.5)
    page.reload()
    expect(page.locator("#layer-list label")).to_have_count(2)
    _wait_for_pixel(page, (0.75, 0.5), lambda pixel: pixel == brushed)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the project").click()
    download.value.save_as(tmp_path / "clip_project.zip")
    page.locator("#layer-list label").last.click()
    page.get_by_role("button", name="Remove this layer").click()
    expect(page.locator("#layer-list label")).to_have_count(1)
    _wait_for_pixel(page, (0.75, 0.5), lambda pixel: pixel == right)
    page.set_input_files("#project-file", tmp_path / "clip_project.zip")
    expect(page.locator("#layer-list label")).to_have_count(2)
    _wait_for_pixel(page, (0.75, 0.5), lambda pixel: pixel == brushed)


def test_a_style_that_was_just_chosen_for_a_layer_is_newer_than_any_message(page: Page) -> None:
    page.get_by_role("button", name="Add a layer").click()
    page.locator("body[data-painted=full]").wait_for()
    script = page.locator("script[type=module]").get_attribute("src") or ""
    outdated = page.evaluate(
        """async ([url]) => {
            const { isOutdated } = await import(new URL("layers.js", url));
            const message = { version: 1e9 };
            const before = isOutdated(message);
            const labels = [...document.querySelectorAll("label")];
            const mosaic = labels.find((label) => label.textContent.trim().startsWith("mosaic"));
            mosaic.querySelector("input").click();
            return [before, isOutdated(message)];
        }""",
        [page.url.split("?")[0].rstrip("/") + "/" + script.split("?")[0].lstrip("/")],
    )
    assert outdated == [False, True]


def test_a_layer_can_be_brushed_as_soon_as_it_is_added(page: Page) -> None:
    expect(page.locator("#fill")).to_be_enabled()  # the masks of the lowest layer have come
    page.get_by_role("button", name="Add a layer").click()
    expect(page.locator("#fill")).to_be_enabled(timeout=0.1)


def test_a_message_older_than_the_layers_of_a_tab_does_not_take_them_away(page: Page, served: Served) -> None:
    held: list[str] = []
    sockets: list[WebSocketRoute] = []

    def forward(socket: WebSocketRoute) -> None:
        def take(message: str | bytes) -> None:
            if isinstance(message, str) and '"kind":"layers"' in message:
                held.append(message)
            else:
                socket.send(message)

        sockets.append(socket)
        socket.connect_to_server().on_message(take)

    late = page.context.new_page()
    late.route_web_socket("**", forward)
    late.goto(served.address)
    late.locator("body[data-painted=full]").wait_for()
    layers = json.dumps({"layers": [{"styles": [{"id": "ink", "weight": 1}]}]}).encode()
    served.ask("POST", "/api/clips/given/layers", body=layers)
    while not held:
        late.wait_for_timeout(20)
    with late.expect_response("**/layers?**"):
        late.get_by_role("button", name="Add a layer").click()
    late.locator("body[data-painted=full]").wait_for()
    sockets[-1].send(held[0])
    late.wait_for_timeout(200)
    expect(late.locator("#layer-list label")).to_have_count(2)


def test_all_tabs_have_the_layers_and_masks_that_a_clip_has(page: Page, served: Served) -> None:
    page.get_by_role("button", name="Add a layer").click()
    page.get_by_label("mosaic", exact=True).check()
    page.locator("#divider").fill("0")
    page.locator("body[data-painted=full]").wait_for()
    before = _pixel(page, 0.75, 0.5)
    _drag(page, (0.7, 0.5), (0.8, 0.5))
    page.get_by_role("button", name="Brushed at 0.0 s").wait_for()
    _wait_for_pixel(page, (0.75, 0.5), lambda pixel: pixel != before)
    page.locator("body[data-painted=full]").wait_for()
    brushed = _pixel(page, 0.75, 0.5)
    other = page.context.new_page()
    other.goto(served.address)
    layers = other.locator("#layer-list label")
    expect(layers).to_have_count(2)
    expect(other.locator("#command")).to_have_text(page.locator("#command").inner_text())
    _wait_for_pixel(other, (0.75, 0.5), lambda pixel: pixel == brushed)
    layers.last.click()
    expect(other.get_by_label("mosaic", exact=True)).to_be_checked()
    other.get_by_role("button", name="Add a layer").click()
    other.get_by_label("ink", exact=True).check()
    other.locator("body[data-painted=full]").wait_for()
    expect(page.locator("#layer-list label")).to_have_count(3)
    page.locator("#layer-list label").nth(2).click()
    expect(page.get_by_label("ink", exact=True)).to_be_checked()
    page.locator("#layer-list label").nth(1).click()
    page.get_by_role("button", name="Remove this layer").click()
    expect(layers).to_have_count(2)
    _wait_for_pixel(other, (0.75, 0.5), lambda pixel: pixel != brushed)
    other.reload()
    expect(layers).to_have_count(2)
    data = served.session.clips["given"].path.read_bytes()
    other.set_input_files("#clip-file", {"name": "b.mp4", "mimeType": "video/mp4", "buffer": data})
    expect(layers).to_have_count(1)
    expect(page.locator("#layer-list label")).to_have_count(2)


def test_a_frame_that_is_brushed_in_two_tabs_has_the_strokes_of_both(page: Page, served: Served) -> None:
    clip = list(served.session.clips)[-1]
    other = page.context.new_page()
    other.goto(served.address)
    other.locator("body[data-painted=full]").wait_for()
    before = _pixel(page, 0.5, 0.3), _pixel(page, 0.5, 0.7)
    for tab, y in ((page, 0.3), (other, 0.7)):
        tab.get_by_label("Brush", exact=True).check()
        with tab.expect_response(_is_end_of_stroke):
            _drag(tab, (0.3, y), (0.7, y))
    for tab in (page, other):
        _wait_for_pixel(tab, (0.5, 0.3), lambda pixel: pixel != before[0])
        _wait_for_pixel(tab, (0.5, 0.7), lambda pixel: pixel != before[1])
    with page.expect_response(_is_end_of_stroke):
        _drag(page, (0.3, 0.5), (0.7, 0.5))
    ((_, _, mask),) = served.session.masks.brushed_frames(clip)
    rows = [mask[round(share * mask.shape[0]), mask.shape[1] // 2] for share in (0.3, 0.5, 0.7)]
    assert max(rows) < 128


def test_a_stroke_keeps_those_before_it_also_while_they_are_being_fetched(page: Page, served: Served) -> None:
    clip = list(served.session.clips)[-1]
    page.get_by_label("Brush", exact=True).check()
    with page.expect_response(_is_end_of_stroke):
        _drag(page, (0.3, 0.3), (0.7, 0.3))
    page.add_init_script(_SLOW_MASKS)
    page.reload()
    page.locator("body[data-painted=full]").wait_for()
    page.get_by_label("Brush", exact=True).check()
    _drag(page, (0.3, 0.5), (0.7, 0.5))  # nothing is brushed yet
    page.locator("body[data-masked]").wait_for()
    with page.expect_response(_is_end_of_stroke):
        _drag(page, (0.3, 0.7), (0.7, 0.7))
    ((_, _, mask),) = served.session.masks.brushed_frames(clip)
    rows = [mask[round(share * mask.shape[0]), mask.shape[1] // 2] for share in (0.3, 0.7)]
    assert max(rows) < 128


def test_strokes_that_another_tab_takes_back_are_seen_no_more(page: Page, served: Served) -> None:
    page.get_by_label("Brush", exact=True).check()
    page.locator("#divider").fill("0")
    before = _pixel(page, 0.5, 0.5)
    _drag(page, (0.3, 0.5), (0.7, 0.5))
    page.get_by_role("button", name="Brushed at 0.0 s").wait_for()
    other = page.context.new_page()
    other.goto(served.address)
    _wait_for_pixel(other, (0.5, 0.5), lambda pixel: pixel != before)
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Brushed at 0.0 s")).to_have_count(0)
    _wait_for_pixel(other, (0.5, 0.5), lambda pixel: pixel == before)


def _wait_for_pixel(page: Page, place: tuple[float, float], is_wanted: Callable[[list[int]], bool]) -> None:
    """Wait until the frame is ``is_wanted`` at a place, in shares of its width and height; all is painted."""
    page.locator("#divider").fill("0")
    until = time.monotonic() + _PATIENCE / 1000
    while not is_wanted(_pixel(page, *place)):
        assert time.monotonic() < until
        page.wait_for_timeout(100)


def test_styles_over_time_are_dots_from_which_a_style_track_is_made(page: Page) -> None:
    page.get_by_label("waves", exact=True).check()
    page.get_by_label("Styles over time").check()
    page.get_by_label("Time", exact=True).fill("0.2")
    page.get_by_label("ink", exact=True).check()
    expect(page.get_by_role("button", name="ink at 0.2 s")).to_have_attribute("aria-current", "true")
    expect(page.locator("#command")).to_contain_text("--style-track track.json --engine stylenet")
    page.get_by_role("button", name="waves at 0.0 s").click()
    expect(page.get_by_label("waves", exact=True)).to_be_checked()
    page.get_by_role("button", name="ink at 0.2 s").press("Delete")
    expect(page.locator("#dots button")).to_have_count(1)


def test_a_stretch_is_played_while_it_is_painted_coarse_first(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint, is_seen = stretches._painted, threading.Event()

    def paint_when_seen(stretch: stretches.Stretch, stage: str, *rest: Any) -> bool:
        assert stage == "half" or is_seen.wait(_PATIENCE / 1000)
        return paint(stretch, stage, *rest)

    monkeypatch.setattr(stretches, "_painted", paint_when_seen)
    page.get_by_label("Time", exact=True).fill("0.2")
    page.locator("body[data-painted=full]").wait_for()
    page.get_by_role("button", name="Play 3 s painted").click()
    page.locator("body[data-played=half]").wait_for()
    is_seen.set()
    page.locator("body[data-played=full]").wait_for()
    page.locator("body[data-sounds='1']").wait_for()
    page.get_by_role("button", name="Stop playing").click()
    page.locator("body[data-sounds='']").wait_for()
    page.locator("body[data-painted=full]").wait_for()


def test_a_result_that_the_browser_cannot_play_is_played_as_a_copy(page: Page, served: Served) -> None:
    page.route("**/api/jobs/*/result?*", lambda route: route.abort())
    page.get_by_role("button", name="Paint the clip").click()
    video = page.locator("#job-list .job").first.locator("video")
    video.wait_for()
    video.evaluate("(video) => { video.play().catch(() => {}); }")
    page.get_by_text("A copy for this browser is shown").wait_for()
    assert video.evaluate("(video) => video.videoWidth") == 192
    job = list(served.session.jobs.to_json())[-1]
    status, data, headers = served.request("GET", f"/api/jobs/{job['id']}/proxy", query={"codec": "vp9"})
    assert (status, headers["content-type"], data[:4]) == (200, "video/webm", b"\x1aE\xdf\xa3")
    assert served.request("GET", f"/api/jobs/{job['id']}/proxy", query={"codec": "no"})[0] == 400


def test_a_finger_brushes_too(browser: Browser, served: Served) -> None:
    page = _on_phone(browser, served)
    page.locator("#show-mask").check()
    page.locator("#canvas").tap(position={"x": 100, "y": 60})
    expect(page.locator("#undo")).to_be_enabled()
    width, height = page.locator("#canvas").evaluate("(canvas) => [canvas.clientWidth, canvas.clientHeight]")
    assert _pixel(page, 100 / width, 60 / height) == [0, 0, 0]
    page.context.close()


def test_two_fingers_make_the_frame_larger_where_they_are_and_brush_nothing(
    browser: Browser, served: Served
) -> None:
    _add_clip(served)
    page = _on_phone(browser, served, is_mobile=True)
    page.locator("#canvas").scroll_into_view_if_needed()
    touches = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    box = page.locator("#canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    touch("touchStart", (x - 20, y))
    touch("touchMove", (x - 22, y))
    touch("touchStart", (x - 22, y), (x + 22, y))
    for reach in (30, 44, 66):
        touch("touchMove", (x - reach, y), (x + reach, y))
    touch("touchEnd")
    larger = page.locator("#canvas").bounding_box()
    assert larger is not None
    assert larger["width"] == pytest.approx(3 * box["width"], rel=0.02)
    assert (x - larger["x"]) / larger["width"] == pytest.approx(0.25, abs=0.01)
    assert page.locator("#zoom").input_value() == "3"
    assert page.evaluate("visualViewport.scale") == 1  # the page itself is not larger
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator("#command")).not_to_contain_text("--mask")
    touch("touchStart", (x, y))
    touch("touchEnd")
    expect(page.locator("#undo")).to_be_enabled()  # one finger brushes again
    page.context.close()


def test_the_camera_is_painted_with_what_is_set(page: Page, served: Served) -> None:
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#status")).to_contain_text("frames a second")
    page.get_by_label("mosaic", exact=True).check()
    expect(page.locator("#status")).to_contain_text("Loads")
    expect(page.locator("#status")).to_contain_text("frames a second")
    page.get_by_role("button", name="Stop the camera").click()
    page.locator("body[data-painted=full]").wait_for()
