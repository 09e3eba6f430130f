"""The wheel and the sdist: built, checked, and tried outside of the project's folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import vidstyle

ROOT = Path(__file__).resolve().parent.parent
_LARGEST = 30e6  # bytes of the wheel, with all weights


def _run(*words: str, **settings: object) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=120,
        **settings,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    _run("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.mark.slow(reason="builds the packages, and starts the installed program")
def test_the_packages_are_built_pass_their_checks_and_work_when_installed(
    built: Path, tmp_path: Path
) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert wheel.name == f"vidstyle-{vidstyle.__version__}-py3-none-any.whl"
    assert wheel.stat().st_size < _LARGEST
    _run("-m", "twine", "check", "--strict", str(wheel), str(sdist))
    _run("-c", "import check_wheel_contents.__main__ as m; m.main()", str(wheel))

    # beside the libraries of this environment, as these take gigabytes
    site = tmp_path / "site"
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site))
    _run(*install, str(wheel))
    environment = {**os.environ, "PYTHONPATH": str(site)}
    place = "import vidstyle, pathlib; print(pathlib.Path(vidstyle.__file__).parent)"
    assert _run("-c", place, cwd=tmp_path, env=environment).strip() == str(site / "vidstyle")
    (site / "vidstyle" / "assets" / "styles" / "ink.jpg").rename(tmp_path / "photo.jpg")
    paint = ("-m", "vidstyle", "image", "photo.jpg", "--style", "waves", "--working-size", "64")
    _run(*paint, cwd=tmp_path, env=environment)
    assert (tmp_path / "photo_waves.jpg").stat().st_size > 0


@pytest.mark.slow(reason="builds the packages, unless another test has")
def test_the_page_of_the_package_links_to_files_by_their_addresses(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        member = archive.extractfile(f"vidstyle-{vidstyle.__version__}/PKG-INFO")
        assert member is not None
        text = member.read().decode()
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_no_extra_asks_for_another_torch() -> None:
    """Each library that an extra installs accepts the torch that is here, so none pulls a second one."""
    torch = metadata.version("torch")
    asking = {
        f"{name} asks for {requirement}"
        for name in _closure("vidstyle", set())
        for requirement in _requirements(name)
        if requirement.name == "torch" and not requirement.specifier.contains(torch, prereleases=True)
    }
    assert asking == set()


def _closure(name: str, seen: set[str]) -> set[str]:
    """``name`` and all that it and its extras ask for, as far as it is installed."""
    if name not in seen:
        seen.add(name)
        for requirement in _requirements(name):
            _closure(requirement.name.lower(), seen)
    return seen


def _requirements(name: str) -> list[Requirement]:
    try:
        listed = [Requirement(text) for text in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []
    extras = (
        list(metadata.metadata("vidstyle").get_all("Provides-Extra") or []) if name == "vidstyle" else [""]
    )
    return [
        item
        for item in listed
        if item.marker is None or any(item.marker.evaluate({"extra": extra}) for extra in extras)
    ]
