"""The wheel and the sdist: built, checked, and tried outside of the project's folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from build.util import project_wheel_metadata
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


@pytest.mark.slow(reason="builds the packages, and starts the installed program")
def test_the_packages_are_built_pass_their_checks_and_work_when_installed(tmp_path: Path) -> None:
    built = tmp_path / "dist"  # the sdist, and the wheel that is built from it
    _run("-m", "build", "--no-isolation", "--outdir", str(built), str(ROOT), cwd=tmp_path)
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert wheel.name == f"vidstyle-{vidstyle.__version__}-py3-none-any.whl"
    assert wheel.stat().st_size < _LARGEST
    checks = (
        "import sys, twine.commands.check as twine, check_wheel_contents.__main__ as contents\n"
        "sys.exit(twine.check(sys.argv[1:], strict=True) or contents.main(sys.argv[1:2]))"
    )
    _run("-c", checks, str(wheel), str(sdist))
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"zensical.toml", "container/Containerfile", "tests/test_site.py", "docs/install.md"} <= names

    # beside the libraries of this environment, as these take gigabytes
    site = tmp_path / "site"
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target")
    _run(*install, str(site), str(wheel))
    environment = {**os.environ, "PYTHONPATH": str(site)}
    started = (
        "import sys, vidstyle.cli.main as it; print(it.__file__, flush=True); sys.exit(it.main(['list']))"
    )
    place, listed = _run("-c", started, cwd=tmp_path, env=environment).split("\n", 1)
    assert Path(place) == site / "vidstyle" / "cli" / "main.py"
    assert "waves" in listed
    # the same files as those that all other tests use, with weights and pictures
    assert _files(site / "vidstyle") == _files(ROOT / "vidstyle")
    assert (site / "bin" / "vidstyle").is_file() or os.name == "nt"


def _files(folder: Path) -> dict[str, int]:
    """The size in bytes of each file in ``folder``, by its path there; what Python compiles is left out."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow(reason="asks the build backend, in a process of its own")
def test_the_page_of_the_package_links_to_files_by_their_addresses() -> None:
    text = project_wheel_metadata(ROOT, isolated=False).json["description"]
    assert isinstance(text, str)
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_every_extra_is_explained() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert [name for name in extras if not re.search(rf"^\|.*`{name}`.*\|.*\|$", page, re.M)] == []


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
