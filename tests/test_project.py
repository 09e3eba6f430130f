"""Facts about the project itself: what imports what, what is public, and what every file begins with."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vidstyle

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vidstyle"
MODULES = sorted(module.name for module in pkgutil.walk_packages([str(PACKAGE)], "vidstyle."))

# Who may import whom: a room may import its own, and every room that its line names.
_BASE = {"errors", "extras", "frames", "options", "registry", "values", "pipeline", "whole", ""}
_TENSORS = {"images", "weights", "device"} | _BASE
_ARROWS = {
    "errors": set[str](),
    "extras": {"errors"},
    "values": set[str](),
    "frames": {"errors"},
    "options": {"errors", "values"},
    "registry": {"errors"},
    "pipeline": set[str](),
    "whole": set[str](),
    "images": _BASE,
    "weights": _BASE,
    "device": _BASE,
    "nn": _TENSORS,
    "flow": _TENSORS | {"nn"},
    "losses": _TENSORS | {"nn", "flow"},
    "engines": _TENSORS | {"nn", "losses"},
    "temporal": _TENSORS | {"nn", "flow", "engines"},
    "metrics": _TENSORS | {"nn", "flow", "engines"},
    "training": _TENSORS | {"nn", "flow", "losses", "engines", "metrics", "video"},
    "video": _BASE,
}
# The doors (api, run, stylizer …): above all rooms, below the command line.
_DOORS = {module.split(".")[1] for module in MODULES} - set(_ARROWS) - {"cli", "__main__"}
_ANY = set(_ARROWS) | _DOORS | {""}
_ARROWS_ABOVE = {"cli": _ANY, "__main__": {"cli"}, **dict.fromkeys(_DOORS, _ANY)}


def _room(module: str) -> str:
    """``vidstyle.engines.base`` is of the room ``engines``; the package itself is ``""``."""
    return [*module.split("."), ""][1]


def _imports(path: Path) -> set[str]:
    """All modules that a file imports, anywhere in it, but for those that only type checkers read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            module = str(node.module)
            found |= {module} | {
                f"{module}.{alias.name}" for alias in node.names if f"{module}.{alias.name}" in MODULES
            }
    return found


def _path(module: str) -> Path:
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module: str) -> None:
    room = _room(module)
    allowed = {**_ARROWS, **_ARROWS_ABOVE, "": _ANY}[room] | {room}
    ours = {_room(name) for name in _imports(_path(module)) if name.split(".")[0] == "vidstyle"}
    assert ours <= allowed, f"{module} imports {ours - allowed}"


@pytest.mark.parametrize("module", MODULES)
def test_torch_and_av_never_meet_below_the_doors(module: str) -> None:
    foreign = {name.split(".")[0] for name in _imports(_path(module))}
    if _room(module) == "video":
        assert not foreign & {"torch", "torchvision"}
    elif _room(module) in _ARROWS:
        assert "av" not in foreign


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports(module: str) -> None:
    importlib.import_module(module)


def test_all_names_what_is_there() -> None:
    assert sorted(vidstyle.__all__) == list(vidstyle.__all__)
    for name in vidstyle.__all__:
        assert getattr(vidstyle, name) is not None
    assert set(vidstyle.__all__) == {*vidstyle._HOMES, "__version__"}


@pytest.mark.parametrize(
    ("file", "line"),
    [("pyproject.toml", 'version = "{}"'), ("CITATION.cff", "version: {}"), ("CHANGELOG.md", "## [{}]")],
)
def test_the_version_is_the_same_everywhere(file: str, line: str) -> None:
    assert "\n" + line.format(vidstyle.__version__) in (ROOT / file).read_text(encoding="utf-8")


def test_every_picture_of_the_pages_says_where_it_comes_from() -> None:
    folder = ROOT / "docs" / "images"
    patterns = re.findall(r"[\w*-]+\.(?:jpg|png)", (folder / "ORIGIN.md").read_text(encoding="utf-8"))
    pictures = [path for path in folder.iterdir() if path.suffix != ".md"]
    assert [path.name for path in pictures if not any(map(path.match, patterns))] == []


_FOREIGN = {"Any", "Callable", "Fraction", "Generator", "Iterable", "Iterator", "Literal", "Mapping", "None"}
_FOREIGN |= {"NDArray", "Path", "Sequence", "Tensor", "Unpack"}


def _public_functions() -> Iterator[Any]:
    for public in (getattr(vidstyle, name) for name in vidstyle.__all__):
        if inspect.isfunction(public):
            yield public
        elif inspect.isclass(public) and public not in (vidstyle.Raster, vidstyle.Motion):  # the map's inside
            members = {name: member for name, member in vars(public).items() if inspect.isfunction(member)}
            yield from (member for name, member in members.items() if name == "__init__" or name[0] != "_")


def test_what_public_signatures_name_is_public() -> None:
    hints = [str(hint) for function in _public_functions() for hint in function.__annotations__.values()]
    named = {word for hint in hints for word in re.findall(r"\b[A-Z]\w+", hint)}
    assert named - set(vidstyle.__all__) - _FOREIGN == set()


def test_unknown_attributes_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'stylise'"):
        _ = vidstyle.stylise


@pytest.mark.parametrize("statement", ["import vidstyle", "import vidstyle.cli.main as m; m.build_parser()"])
def test_nothing_heavy_is_loaded_before_it_is_needed(statement: str) -> None:
    heavy = "{'torch', 'torchvision', 'av', 'cv2', 'numpy', 'PIL', 'tqdm'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(sorted({heavy}))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


FILES = sorted(
    path
    for folder in ("vidstyle", "scripts", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_begins_with_one_sentence_of_what_is_in_it(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, f"{path} has no docstring"
    first = doc.splitlines()[0]
    assert first[-1] in ".:;", f"{path}: {first!r}"


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.name)
def test_scripts_use_the_standard_library_alone_and_parse_on_old_pythons(path: Path) -> None:
    if path.name not in ("demo.py", "test.py", "environment.py"):
        pytest.skip("runs inside the environment")
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
    foreign = {name.split(".")[0] for name in _imports(path)} - {"environment"}
    assert foreign <= sys.stdlib_module_names


def test_samples_stay_small_and_say_where_they_come_from() -> None:
    files = [path for path in (ROOT / "samples").iterdir() if path.is_file()]
    origin = (ROOT / "samples" / "ORIGIN.md").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in files) < 5_000_000
    for path in files:
        assert path.name == "ORIGIN.md" or path.name in origin


@pytest.mark.parametrize(
    "folder", [PACKAGE / "assets", PACKAGE / "assets" / "styles"], ids=["weights", "styles"]
)
def test_every_asset_says_where_it_comes_from(folder: Path) -> None:
    origin = (folder / "ORIGIN.md").read_text(encoding="utf-8")
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name != "ORIGIN.md"]
    assert names
    assert [name for name in names if name not in origin] == []
