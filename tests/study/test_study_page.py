"""A study in a browser, from its folder and from its server: played, answered, left, gone on with, saved."""

from __future__ import annotations

import gc
import json
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from clips import shapes, write_clip
from playwright.sync_api import Browser, Page, expect

from vidstyle.cli.main import main
from vidstyle.errors import InputError, OptionError
from vidstyle.server.listening import listening, server_of
from vidstyle.study.answers import read_answers
from vidstyle.study.making import make_study, read_study
from vidstyle.study.serving import study_app

_PATIENCE = 40_000  # ms, on a busy machine


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one source and two conditions, one of them in a codec that browsers do not play."""
    folder = tmp_path_factory.mktemp("study")
    pictures = shapes(4, 160, 96)
    write_clip(folder / "clip.mp4", pictures)
    write_clip(folder / "ours.mp4", [255 - picture for picture in pictures])
    write_clip(folder / "theirs.mkv", pictures, codec="ffv1", pixel_format="bgr0")
    cv2.imwrite(str(folder / "art.png"), np.full((32, 48, 3), 90, np.uint8))
    arguments = ["study", "make", "--source", str(folder / "clip.mp4"), "--style", str(folder / "art.png")]
    arguments += ["--result", f"ours={folder / 'ours.mp4'}", "--result", f"theirs={folder / 'theirs.mkv'}"]
    assert main([*arguments, "--checks", "1", "-o", str(folder / "study")]) == 0
    return folder / "study"


@pytest.fixture
def page(browser: Browser) -> Generator[Page]:
    """A new tab, whose scripts and policy must raise no error."""
    context = browser.new_context(accept_downloads=True)
    context.set_default_timeout(_PATIENCE)
    expect.set_options(timeout=_PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert [error for error in errors if "favicon" not in error and "404" not in error] == []


@contextmanager
def _served(study: Path, answers: Path) -> Generator[str]:
    listener = listening("127.0.0.1", 0)
    server = server_of(study_app(study, answers, host="127.0.0.1"), patience=1)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _expected(page: Page) -> str | None:
    """What the check that is shown says; None if it is none."""
    expected = page.evaluate("current.trial.expected === undefined ? null : String(current.trial.expected)")
    return None if expected is None else str(expected)


def _answer(page: Page) -> None:
    """Answer the trial that is shown by keys, once its clips have ended."""
    expect(page.locator("#again")).to_be_enabled()
    expected = _expected(page)
    if page.locator("#form input[name=choice]").count():
        page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight", None: "ArrowLeft"}[expected])
    else:
        for _ in range(4):
            page.keyboard.press(expected or "4")
    expect(page.locator("#next")).to_be_enabled()
    page.keyboard.press("Enter")


def test_a_study_opened_from_its_folder_is_answered_by_keys_left_gone_on_with_and_saved(
    page: Page, study: Path, tmp_path: Path
) -> None:
    page.goto((study / "index.html").as_uri())
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#next")).to_be_disabled()
    expect(page.locator("#style-picture")).to_have_js_property("naturalWidth", 48)
    _answer(page)
    _answer(page)
    expect(page.locator("#step")).to_have_text("Clip 3 of 10, for practice")
    page.reload()
    page.get_by_role("button", name="Go on").click()
    for number in range(3, 11):
        expect(page.locator("#step")).to_contain_text(f" {number} of 10")
        _answer(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the answers").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    (person,) = read_answers([saved])
    assert saved.name == f"answers-{person.name}.json"
    assert person.is_finished and person.failed_checks == 0
    assert {rating.condition for rating in person.ratings} == {"reference", "ours", "theirs"}
    assert person.ratings[0].grades == {"style": 4, "content": 4, "steadiness": 4, "overall": 4}
    assert {person.choices[0].preferred, person.choices[0].other} == {"ours", "theirs"}
    assert main(["study", "analyse", str(tmp_path)]) == 0


def test_a_study_is_answered_with_the_mouse_and_its_answers_reach_the_server(
    page: Page, study: Path, tmp_path: Path
) -> None:
    with _served(study, tmp_path) as address:
        page.goto(address)
        assert not Axe().run(page).response["violations"]
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_label("5 Excellent").first).to_be_enabled()
        assert not Axe().run(page).response["violations"]
        page.get_by_role("button", name="Play again").click()
        expect(page.locator("#again")).to_be_enabled()
        for scale in page.locator(".scale").all():
            scale.get_by_text("2 Poor").click()
        page.get_by_role("button", name="Next").click()
        for number in range(2, 11):
            expect(page.locator("#step")).to_contain_text(f" {number} of 10")
            _answer(page)
        expect(page.locator("#sent")).to_contain_text("were sent")
        (person,) = read_answers([tmp_path])
        assert person.is_finished
        refused = page.request.post(f"{address}answers", data="{}", headers={"origin": "http://evil.example"})
        assert refused.status == 403
        page.get_by_role("button", name="Begin anew").click()
        expect(page.get_by_role("button", name="Begin")).to_be_visible()
        page.goto("about:blank")  # nothing is loaded any more when the server ends


def test_people_get_orders_of_their_own_in_which_a_source_seldom_follows_itself(
    page: Page, study: Path
) -> None:
    page.goto((study / "index.html").as_uri())
    orders = page.evaluate(
        """() => {
            const ratings = [..."abcdefghi"];
            const clips = ratings.map((id, place) => ({ id, source: String(place % 3), condition: id }));
            const checks = [{ kind: "rating", clip: "a", expected: 2 }];
            const made = { study: "x", clips, ratings, pairs: [], training: [], checks, atMost: null };
            const of = (person) => trialsOf(made, person).filter((trial) => trial.kind === "rating");
            return ["p", "p", "q"].map((person) => of(person).map((trial) => trial.role[1] + trial.clip));
        }"""
    )
    assert orders[0] == orders[1] != orders[2]
    for order in orders:
        assert sorted(clip[1] for clip in order if clip[0] == "o") == list("abcdefghi")
        place = next(place for place, clip in enumerate(order) if clip[0] == "h")
        assert place > 0
        sources = ["abcdefghi".index(clip[1]) % 3 for clip in order if clip[0] == "o"]
        assert all(before != after for before, after in pairwise(sources))


def test_names_of_files_tell_nobody_which_tool_made_them(study: Path) -> None:
    data = read_study(study)
    clips = data["clips"]
    assert isinstance(clips, list)
    names = [path.stem for path in (study / "media").iterdir()]
    assert len(names) == len(clips) + 1
    assert not [name for name in names if "ours" in name or "theirs" in name or "clip" in name]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--source", "clip.mp4"], "a --result is needed"),
        (["--source", "clip.mp4", "--result", "ours"], "--result must be NAME=FILE or NAME=FOLDER"),
        (["--source", "clip.mp4", "--result", "reference=ours.mp4"], "is the source itself"),
        (["--source", "clip.mp4", "--result", "ours=none.mp4"], "no file or folder none.mp4"),
        (["--source", "none.mp4", "--result", "ours=ours.mp4"], "no file none.mp4"),
        (["--source", "clip.mp4", "--result", "ours=broken.mp4"], "broken.mp4"),
        (["--source", "clip.mp4", "--result", "ours=ours.mp4", "--method", "x"], "--method must be one of"),
    ],
)
def test_a_study_that_cannot_be_made_leaves_a_line_and_no_folder(
    arguments: list[str],
    line: str,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(study.parent)
    (study.parent / "broken.mp4").write_bytes(b"no clip")
    assert main(["study", "make", *arguments, "-o", str(tmp_path / "new")]) == 1
    assert line in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_clips_for_practice_may_have_one_name_and_other_material_is_another_study(tmp_path: Path) -> None:
    for number, name in enumerate(("clip.mp4", "a/x.mp4", "b/x.mp4", "ours.mp4")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_clip(tmp_path / name, shapes(2 + number, 64, 48))

    def made(name: str, **settings: object) -> Mapping[str, object]:
        results = [f"ours={tmp_path / 'ours.mp4'}"]
        make_study(tmp_path / name, sources=[tmp_path / "clip.mp4"], results=results, **settings)  # type: ignore[arg-type]
        return read_study(tmp_path / name)

    training = [tmp_path / "a/x.mp4", tmp_path / "b/x.mp4"]
    data = made("first", training=training, checks=0)
    trials = data["training"]
    assert isinstance(trials, list)
    files = [tmp_path / "first" / "media" / f"{trial['clip']}.mp4" for trial in trials]
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in training]
    assert made("same", training=training, checks=0)["study"] == data["study"]
    others = [made("other", checks=0)["study"]]
    write_clip(tmp_path / "ours.mp4", shapes(9, 64, 48))
    others.append(made("changed", training=training, checks=0)["study"])
    assert data["study"] not in others and others[0] != others[1]


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p10le"])
def test_h264_that_browsers_do_not_play_is_written_anew(pixel_format: str, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", shapes(2, 64, 48))
    write_clip(tmp_path / "ours.mp4", shapes(2, 64, 48), pixel_format=pixel_format)
    with av.open(tmp_path / "ours.mp4") as file:
        assert (codec := file.streams.video[0].codec_context).name == "h264"
        assert codec.pix_fmt == pixel_format
    make_study(tmp_path / "study", sources=[tmp_path / "clip.mp4"], results=[f"o={tmp_path / 'ours.mp4'}"])
    for path in (tmp_path / "study" / "media").iterdir():
        with av.open(path) as file:
            assert file.streams.video[0].codec_context.pix_fmt == "yuv420p"


_BOXES = """() => {
    const boxes = [...document.querySelectorAll("video, .scale label, #progress")];
    return boxes.map((box) => {
        const { x, y, width, height } = box.getBoundingClientRect();
        return { is: box.tagName, x, y, width, height, cut: box.scrollWidth > box.clientWidth };
    }).concat({ is: "PAGE", width: document.documentElement.scrollWidth });
}"""


def test_on_a_phone_clips_fill_the_width_and_grades_stand_in_a_row(page: Page, tmp_path: Path) -> None:
    for name, size in (("a", (640, 384)), ("b", (384, 640))):
        write_clip(tmp_path / f"{name}.mp4", shapes(2, *size))
        for tool in ("ours", "theirs"):
            (tmp_path / tool).mkdir(exist_ok=True)
            write_clip(tmp_path / tool / f"{name}.mp4", shapes(2, *size))
    results = [f"{tool}={tmp_path / tool}" for tool in ("ours", "theirs")]
    sources = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    make_study(tmp_path / "study", sources=sources, results=results, style="waves", checks=0)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto((tmp_path / "study" / "index.html").as_uri())
    page.get_by_role("button", name="Begin").click()
    for source, kind in (("a", "rating"), ("a", "pair"), ("b", "rating"), ("b", "pair")):
        page.evaluate(
            f"""() => {{
                const ids = study.clips.filter((clip) => clip.source === "{source}").map((clip) => clip.id);
                new Trial(study, {{ kind: "{kind}", clip: ids[0], clips: ids.slice(0, 2) }}, () => {{}});
            }}"""
        )
        boxes = page.evaluate(_BOXES)
        of = {name: [box for box in boxes if box["is"] == name] for name in {box["is"] for box in boxes}}
        assert of["PAGE"][0]["width"] == 390 and of["PROGRESS"][0]["width"] >= 150
        rows = 4 if kind == "rating" else 1
        assert len({box["y"] for box in of["LABEL"]}) == rows and not any(box["cut"] for box in of["LABEL"])
        for box in of["VIDEO"]:
            assert abs(box["width"] / box["height"] - (5 / 3 if source == "a" else 3 / 5)) < 0.01
            assert box["width"] > (340 if source == "a" else 160) and box["height"] < 0.63 * 844
        assert len({box["x"] for box in of["VIDEO"]}) == (2 if (source, kind) == ("b", "pair") else 1)


@pytest.mark.filterwarnings("ignore:unclosed")  # what is cut off is not closed, but freed
def test_a_server_that_is_stopped_cuts_off_clips_without_a_word(
    study: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    large = study / "media" / "large.mp4"
    large.write_bytes(bytes(20_000_000))
    with socket.socket() as slow, _served(study, tmp_path) as address:
        slow.connect(("127.0.0.1", urlsplit(address).port))
        slow.sendall(b"GET /media/large.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
    large.unlink()
    gc.collect()
    assert caplog.messages == []


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(OptionError, match=f"--port must be 0 to 65535, got {port}"):
        listening("127.0.0.1", port).close()


def test_a_study_replaces_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(study.parent / "clip.mp4")
    before = (study / "index.html").read_bytes()
    assert main(["study", "make", "--source", clip, "--result", f"x={clip}", "-o", str(study)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert (study / "index.html").read_bytes() == before


def test_results_are_found_in_folders_by_the_names_of_the_sources(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4", "ours/a_waves.mp4", "ours/b_waves.mp4", "theirs/a.mp4", "theirs/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_clip(tmp_path / name, shapes(2, 64, 48))
    results = [f"{name}={tmp_path / name}" for name in ("ours", "theirs")]
    sources = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    made = make_study(tmp_path / "study", sources=sources, results=results, at_most=2)
    assert (made.ratings, made.pairs, made.checks) == (2, 2, 4)
    data = json.loads(json.dumps(read_study(made.folder)))
    shown = {(clip["source"], clip["condition"]) for clip in data["clips"] if clip["source"] != "check"}
    assert shown == {(source, name) for source in "ab" for name in ("reference", "ours", "theirs")}


def test_a_result_is_not_taken_for_that_of_a_source_with_a_shorter_name(tmp_path: Path) -> None:
    for name in ("a.mp4", "a_b.mp4", "ours/a_b_waves.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_clip(tmp_path / name, shapes(2, 64, 48))
    sources, results = [tmp_path / "a.mp4", tmp_path / "a_b.mp4"], [f"ours={tmp_path / 'ours'}"]
    with pytest.raises(InputError, match="no clip called a or a_"):
        make_study(tmp_path / "study", sources=sources, results=results)
    write_clip(tmp_path / "ours/a_waves.mp4", shapes(2, 64, 48))
    assert make_study(tmp_path / "study", sources=sources, results=results).ratings == 4  # and references
