"""The server of the page without a browser: who may ask, what is refused, uploads, frames and runs."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip
from page_server import HOST, TOKEN, Served, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from vidstyle.cli.main import main
from vidstyle.server.addresses import is_own_host
from vidstyle.video.reading.probe import probe

_SETTINGS = {"styles": [{"id": "waves", "weight": 1}], "options": {"engine": "stylenet", "strength": 0.75}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_clip(folder / "clip.mp4", shapes(6, 64, 48))
    (folder / "results").mkdir()
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder / "results", str(folder / "clip.mp4"), clip_limit=200_000) as served:
        yield served


def _ended(served: Served, name: str) -> dict[str, object]:
    """The job called ``name`` once it has ended."""
    while (job := served.session.jobs.job(name)).state in ("waiting", "running"):
        time.sleep(0.02)
    return job.to_json()


def _add_job(served: Served, clip: str = "given", settings: object = _SETTINGS) -> dict[str, object]:
    return served.ask("POST", "/api/jobs", body=json.dumps({"clip": clip, "settings": settings}).encode())


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("path", ["/", "/api/state", "/api/clips/given/frame", "/api/jobs/1/result"])
def test_nothing_is_answered_without_the_token(served: Served, path: str, token: str) -> None:
    status, body, _ = served.request("GET", path, token=token)
    assert (status, b"token" in body) == (403, True)


def test_a_foreign_host_name_that_leads_here_is_refused(served: Served) -> None:
    for host in ("evil.example", f"evil.example:{served.port}", ""):
        assert served.request("GET", "/api/state", headers={"Host": host})[0] == 403
    assert served.request("GET", "/static/main.js", headers={"Host": "evil.example"})[0] == 403
    assert served.request("GET", "/api/state", headers={"Host": f"localhost:{served.port}"})[0] == 200


def test_a_foreign_page_cannot_change_anything(served: Served) -> None:
    body = json.dumps({"clip": "given", "settings": _SETTINGS}).encode()
    for origin in ("http://evil.example", "null", f"https://{HOST}:{served.port}"):
        assert served.request("POST", "/api/jobs", body=body, headers={"Origin": origin})[0] == 403


@pytest.mark.parametrize("path", ["/api/socket", "/api/live"])
@pytest.mark.parametrize("origin", [Origin("http://evil.example"), None])
def test_a_foreign_page_cannot_open_a_socket(served: Served, origin: Origin | None, path: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://{HOST}:{served.port}{path}?token={TOKEN}", origin=origin)


@pytest.mark.parametrize("path", ["/api/socket", "/api/live"])
def test_a_socket_needs_the_token(served: Served, path: str) -> None:
    origin = Origin(f"http://{HOST}:{served.port}")
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://{HOST}:{served.port}{path}?token=wrong", origin=origin)


def test_every_answer_has_the_strict_policy(served: Served) -> None:
    for path in ("/", "/static/page.css", "/api/state", "/api/nothing"):
        headers = served.request("GET", path)[2]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"])
def test_no_path_leads_out_of_the_pages_files(served: Served, path: str) -> None:
    assert served.request("GET", path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/api/clips/..%2f..%2fclip.mp4/frame", "/api/styles/%2fetc%2fpasswd/picture"]
)
def test_clips_and_styles_are_named_by_the_session_alone(served: Served, path: str) -> None:
    assert served.request("GET", path)[0] in (400, 404)


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "/tmp/evil.mp4", "..\\evil.mp4", "a/b/%04d.mp4", "..", "-i"]
)
def test_a_dropped_file_stays_in_the_sessions_folder(served: Served, name: str) -> None:
    place = served.session.place(name)
    assert place.resolve().parent.parent == served.session.folder.resolve()
    assert not place.name.startswith((".", "-")) and "%" not in place.name


def test_a_result_is_called_as_that_of_run_if_the_clip_has_no_extension(served: Served, folder: Path) -> None:
    data = (folder / "clip.mp4").read_bytes()
    clip = served.ask("POST", "/api/clips", body=data, query={"name": "holiday"})
    job = _add_job(served, str(clip["id"]))
    assert job["result"] == "holiday_waves.mp4"
    assert _ended(served, str(job["id"]))["state"] == "done"


def test_a_dropped_clip_can_be_looked_at_and_keeps_its_name(served: Served, folder: Path) -> None:
    data = (folder / "clip.mp4").read_bytes()
    clip = served.ask("POST", "/api/clips", body=data, query={"name": "my film.mp4"})
    assert (clip["name"], clip["width"], clip["height"], clip["frames"]) == ("my film.mp4", 64, 48, 6)
    query = {"time": "0.1", "width": "32"}
    status, picture, _ = served.request("GET", f"/api/clips/{clip['id']}/frame", query=query)
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert status == 200 and decoded is not None and decoded.shape == (24, 32, 3)


@pytest.mark.parametrize("width", ["²", "1" * 5000, "-5", ""])
def test_a_frame_whose_width_is_no_number_has_the_greatest(served: Served, width: str) -> None:
    query = {"time": "0", "width": width}
    status, picture, _ = served.request("GET", "/api/clips/given/frame", query=query)
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert status == 200 and decoded is not None and decoded.shape == (48, 64, 3)


def test_the_last_frame_is_shown_for_times_after_the_end(served: Served) -> None:
    assert served.request("GET", "/api/clips/given/frame", query={"time": "99"})[0] == 200


@pytest.mark.parametrize(
    ("path", "name", "body", "line"),
    [
        ("/api/clips", "notes.mp4", b"no video at all", "notes.mp4 is not a video"),
        ("/api/clips", "list.m3u8", b"#EXTM3U\nfile:///etc/passwd\n", "a list of other files"),
        ("/api/clips", "empty.mp4", b"", "empty.mp4 is empty"),
        ("/api/clips", "", b"x", "must have a name"),
        ("/api/styles", "art.png", b"no picture", "art.png"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line_and_removed(
    served: Served, path: str, name: str, body: bytes, line: str
) -> None:
    before = set(served.session.folder.iterdir())
    status, answer, _ = served.request("POST", path, body=body, query={"name": name})
    error = json.loads(answer)["error"]
    assert status == 400 and line in error
    assert str(served.session.folder) not in error
    assert set(served.session.folder.iterdir()) == before


def test_a_clip_above_the_limit_is_refused_before_it_is_sent(served: Served) -> None:
    headers = {"Content-Length": str(2_000_000_001)}
    status, answer, _ = served.request("POST", "/api/clips", query={"name": "long.mp4"}, headers=headers)
    assert status == 413 and "long.mp4 is larger than" in json.loads(answer)["error"]


def test_a_clip_that_hides_its_length_is_refused_at_the_limit(served: Served) -> None:
    before = set(served.session.folder.iterdir())
    pieces = [b"x" * 100_000] * 3
    status = served.request("POST", "/api/clips", pieces=pieces, query={"name": "long.mp4"})[0]
    assert status == 413
    assert set(served.session.folder.iterdir()) == before


def test_a_run_writes_the_bytes_that_its_command_writes(
    served: Served, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (folder / "clip.mp4").read_bytes()
    clip = served.ask("POST", "/api/clips", body=data, query={"name": "film.mp4"})
    picture = np.random.default_rng(5).integers(0, 255, (32, 40, 3), np.uint8)
    drawn = bytes(cv2.imencode(".png", picture)[1])
    style = served.ask("POST", "/api/styles", body=drawn, query={"name": "my art.png"})
    both = [{"id": "waves", "weight": 1}, {"id": style["id"], "weight": 3}]
    job = _add_job(served, str(clip["id"]), {**_SETTINGS, "styles": both})
    ended = _ended(served, str(job["id"]))
    assert (ended["state"], ended["frames"], ended["error"]) == ("done", 6, "")
    (tmp_path / "film.mp4").write_bytes(data)
    (tmp_path / "my art.png").write_bytes(drawn)
    monkeypatch.chdir(tmp_path)
    command = str(job["command"])
    assert command.startswith("vidstyle run film.mp4 --style waves --style 'my art.png' --style-weights 1,3 ")
    assert main(shlex.split(command)[1:]) == 0
    result = folder / "results" / str(job["result"])
    assert result.read_bytes() == (tmp_path / str(job["result"])).read_bytes()
    status, part, headers = served.request(
        "GET", f"/api/jobs/{job['id']}/result", headers={"Range": "bytes=2-5"}
    )
    assert (status, part, headers["content-type"]) == (206, result.read_bytes()[2:6], "video/mp4")


def test_a_second_run_does_not_replace_the_first_result(served: Served) -> None:
    names = []
    for _ in range(2):
        job = _add_job(served)
        names.append(_ended(served, str(job["id"]))["result"])
    assert names[0] != names[1]
    assert all((served.session.results / str(name)).is_file() for name in names)


def test_a_waiting_run_that_is_stopped_never_begins(served: Served) -> None:
    first, second = _add_job(served), _add_job(served)
    served.ask("POST", f"/api/jobs/{second['id']}/stop", body=b"{}")
    _ended(served, str(first["id"]))
    assert _ended(served, str(second["id"]))["state"] == "stopped"
    assert not (served.session.results / str(second["result"])).exists()


def test_a_run_that_fails_says_why_and_the_next_one_runs(served: Served, folder: Path) -> None:
    clip = served.ask(
        "POST", "/api/clips", body=(folder / "clip.mp4").read_bytes(), query={"name": "gone.mp4"}
    )
    served.session.clips[str(clip["id"])].path.unlink()
    failed = _ended(served, str(_add_job(served, str(clip["id"]))["id"]))
    assert failed["state"] == "failed" and "gone.mp4" in str(failed["error"])
    assert _ended(served, str(_add_job(served)["id"]))["state"] == "done"


def test_ending_the_server_ends_a_run_and_leaves_neither_result_nor_upload(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.mp4", [shapes(1, 64, 48)[0]] * 600)
    (tmp_path / "results").mkdir()
    with serving(tmp_path / "results", str(clip)) as served:
        job = served.session.jobs.job(str(_add_job(served)["id"]))
        while not job.frames:
            time.sleep(0.01)
        uploads = served.session.folder
    assert (job.state, job.frames) == ("stopped", 0)
    assert list((tmp_path / "results").iterdir()) == []
    assert not uploads.exists()


def test_a_run_that_is_stopped_keeps_what_is_done(served: Served, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.mp4", [shapes(1, 64, 48)[0]] * 300)
    added = served.ask("POST", "/api/clips", body=clip.read_bytes(), query={"name": "long.mp4"})
    job = served.session.jobs.job(str(_add_job(served, str(added["id"]))["id"]))
    while not job.frames:
        time.sleep(0.01)
    served.ask("POST", f"/api/jobs/{job.id}/stop", body=b"{}")
    ended = _ended(served, job.id)
    assert (ended["state"], ended["playable"]) == ("stopped", True)
    assert 0 < (probe(job.target).frames or 0) == job.frames < 300


def test_a_long_clip_is_paused_and_goes_on_with_what_is_painted(served: Served, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "film.mp4", [shapes(1, 64, 48)[0]] * 130, rate=2)
    added = served.ask("POST", "/api/clips", body=clip.read_bytes(), query={"name": "film.mp4"})
    job = served.session.jobs.job(str(_add_job(served, str(added["id"]))["id"]))
    while job.step != "paint" or not job.frames:
        time.sleep(0.005)
    served.ask("POST", f"/api/jobs/{job.id}/pause", body=b"{}")
    assert (_ended(served, job.id)["state"], job.target.exists()) == ("paused", False)
    assert served.request("POST", f"/api/jobs/{job.id}/pause", body=b"{}")[0] == 400
    served.ask("POST", f"/api/jobs/{job.id}/resume", body=b"{}")
    assert _ended(served, job.id)["state"] == "done"
    assert probe(job.target).frames == 130


@pytest.mark.parametrize(
    ("header", "host", "is_own"),
    [
        ("127.0.0.1:80", "127.0.0.1", True),
        ("[::1]:80", "::1", True),
        ("localhost", "127.0.0.1", True),
        ("192.168.0.7:80", "127.0.0.1", False),
        ("192.168.0.7:80", "0.0.0.0", True),
        ("evil.example", "0.0.0.0", False),
        ("studio.local:80", "studio.local", True),
    ],
)
def test_a_server_knows_its_own_names(header: str, host: str, is_own: bool) -> None:
    assert is_own_host(header, host) is is_own
