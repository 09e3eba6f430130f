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

# Who may import whom, from the top down: one line for each room and each top-level module, with all that it
# may import beside itself. Arrows only run down: a line names only what has a line below it.
_ARROWS: dict[str, set[str]] = {
    "__main__": {"cli"},
    "cli": {
        *(
            "_version",
            "adaptation",
            "api",
            "device",
            "engines",
            "errors",
            "evaluation",
            "metrics",
            "optional_imports",
        ),
        *("options", "pipeline", "registry", "segments", "styles", "training", "video.reading"),
        *("video.writing", "weights", "derived_names", "outputs", "patterns"),
        *(
            "atomic_write",
            "file_suffixes",
            "printable",
            "project",
            "runtimes",
            "tensors",
            "video.containers",
        ),
        *("live", "points", "server", "study"),
    },
    "points": {
        *("api", "atomic_write", "device", "engines", "errors", "flow", "frames", "nn", "optional_imports"),
        *("options", "outputs", "pipeline", "styles", "tensors", "video.reading", "video.stills"),
        "video.writing",
    },
    "study": {
        *("atomic_write", "errors", "file_suffixes", "frames", "metrics", "optional_imports", "options"),
        *("patterns", "printable", "server", "styles", "video.reading", "video.stills", "video.writing"),
    },
    "live": {"errors", "frames", "optional_imports", "pipeline", "server"},
    "server": {
        *("api", "device", "engines", "errors", "frames", "options", "pipeline", "registry", "segments"),
        *("project", "styles", "temporal", "temporal.base", "video.reading", "video.writing"),
    },
    "vapoursynth": {"api", "errors", "frames", "optional_imports", "options", "pipeline"},
    "testing": {"device", "engines", "errors", "flow", "losses", "metrics", "nn", "runtimes"},
    "api": {
        *("flow", "frames", "keyframes", "options", "pipeline", "segments", "temporal", "temporal.base"),
        *("video.reading", "video.writing"),
    },
    "segments": {
        *("_version", "atomic_write", "derived_names", "device", "errors", "file_lock", "file_suffixes"),
        *("frames", "optional_imports", "options", "patterns", "pipeline", "registry", "styles", "temporal"),
        *("video.reading", "video.writing"),
    },
    "evaluation": {
        *("device", "engines", "errors", "flow", "frames", "metrics", "optional_imports"),
        *("options", "outputs", "pipeline", "registry", "styles", "temporal", "tensors", "video.reading"),
        *("printable", "video.writing"),
    },
    "adaptation": {
        *("_version", "atomic_write", "device", "engines", "errors", "file_suffixes", "frames", "losses"),
        *("metrics", "nn", "options", "outputs", "patterns", "pipeline", "styles", "tensors", "training"),
        *("video.reading", "video.stills", "weights"),
    },
    "pipeline": {
        *("atomic_write", "cache_folder", "named_tensors"),
        *("_version", "device", "engines", "errors", "flow", "frames", "metrics", "options", "outputs"),
        *("registry", "rendering", "styles", "temporal", "temporal.backends", "temporal.base", "tensors"),
        *("keyframes", "runtimes", "video.pictures", "video.reading", "video.stills", "video.writing"),
    },
    "training": {
        *("_version", "atomic_write", "device", "engines", "errors", "flow", "frames", "losses"),
        *("metrics", "nn", "optional_imports", "options", "registry", "tensors"),
        *("outputs", "file_suffixes", "video.reading", "video.stills", "weights"),
    },
    "rendering": {
        "named_tensors",
        *("_version", "device", "engines", "errors", "frames", "nn", "options", "styles", "temporal.base"),
        *("tensors",),
    },
    "keyframes": {
        *("errors", "flow", "frames", "nn", "options", "temporal", "temporal.backends", "temporal.base"),
        *("temporal.paint_map", "tensors", "video.stills"),
    },
    "runtimes": {
        *("_version", "atomic_write", "cache_folder", "device", "engines", "errors", "optional_imports"),
        *("registry", "weights"),
    },
    "styles": {
        *("atomic_write", "cache_folder", "engines", "errors", "frames", "options", "video.reading"),
        "video.stills",
    },
    "temporal": {
        "named_tensors",
        *("errors", "flow", "frames", "options", "registry", "temporal.backends", "temporal.base"),
        *("temporal.paint_map", "tensors"),
    },
    "temporal.paint_map": {
        *("named_tensors", "errors", "flow", "frames", "temporal.backends", "temporal.base", "tensors"),
    },
    "temporal.base": {"named_tensors", "flow", "frames", "temporal.backends", "tensors"},
    "temporal.backends": {"named_tensors", "device", "flow", "frames", "tensors"},
    "metrics": {"errors", "flow", "nn", "optional_imports", "registry", "tensors"},
    "losses": {"errors", "flow", "nn"},
    "engines": {"errors", "nn", "optional_imports", "registry", "weights"},
    "flow": {"atomic_write", "cache_folder", "errors", "registry", "weights"},
    "nn": {"errors", "weights"},
    "cache_folder": {"weights"},
    "tensors": {"frames"},
    "weights": {"errors"},
    "device": {"errors"},
    "video": set(),
    "video.writing": {
        "atomic_write",
        "derived_names",
        "errors",
        "file_lock",
        "frames",
        "options",
        "outputs",
        "video.color",
        "video.containers",
        "video.ebml",
        "video.pictures",
        "video.streams",
    },
    "video.streams": {"video.containers", "video.reading"},
    "video.reading": {
        *("errors", "frames", "options", "patterns", "file_suffixes", "video.color", "video.ebml"),
        *("video.pictures",),
    },
    "video.stills": {"atomic_write", "errors", "frames", "options", "file_suffixes", "video.pictures"},
    "video.pictures": {"errors", "frames", "file_suffixes"},
    "video.color": {"errors", "frames"},
    "video.containers": set(),
    "video.ebml": set(),
    "project": {"atomic_write", "errors", "options"},
    "options": {"errors", "registry"},
    "registry": {"errors"},
    "optional_imports": {"errors"},
    "frames": set(),
    "named_tensors": set(),
    "outputs": {"atomic_write", "derived_names", "errors", "patterns", "file_suffixes"},
    "atomic_write": {"derived_names", "errors"},
    "file_lock": set(),
    "derived_names": {"patterns"},
    "patterns": {"errors"},
    "file_suffixes": set(),
    "printable": set(),
    "errors": set(),
    "vidstyle": set(),  # the package itself: its stub names the public names
    "_version": set(),
}


def _room(module: str) -> str:
    """The room in the table that ``module`` is in: ``vidstyle.video.color.tags`` is of ``video.color``."""
    parts = module.split(".")[1:]
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in _ARROWS), names[-1] if names else "vidstyle")


def _imports(path: Path, *, typing: bool = False) -> set[str]:
    """All modules that a file imports, anywhere in it; those that only type checkers read if ``typing``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not typing
        for inner in ast.walk(node)
    }
    imported = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            module = str(node.module)
            inner = {f"{module}.{alias.name}" for alias in node.names}
            imported |= (inner & set(MODULES)) | ({module} if inner - set(MODULES) else set())
    return imported


def _path(module: str) -> Path:
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_every_room_and_top_level_module_has_a_line_and_every_line_a_module() -> None:
    assert {_room(module) for module in ["vidstyle", *MODULES]} == set(_ARROWS)
    assert {module.split(".")[1] for module in MODULES} <= set(_ARROWS)


def test_arrows_only_run_down() -> None:
    lines = list(_ARROWS)
    up = [
        (room, other)
        for place, room in enumerate(lines)
        for other in _ARROWS[room]
        if other not in lines[place + 1 :]
    ]
    assert up == []


@pytest.mark.parametrize("module", ["vidstyle", *MODULES])
def test_imports_follow_the_arrows(module: str) -> None:
    room = _room(module)
    ours = {_room(name) for name in _imports(_path(module)) if name.split(".")[0] == "vidstyle"}
    extra = ours - _ARROWS[room] - {room}
    assert not extra, f"{module} imports {extra}"


def test_the_page_shows_these_arrows() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [f"| {room} | {', '.join(sorted(others)) or '-'} |" for room, others in _ARROWS.items()]
    assert "\n".join(rows) in page


def test_no_arrow_is_allowed_that_nobody_needs() -> None:
    used: dict[str, set[str]] = {room: set() for room in _ARROWS}
    for module in ["vidstyle", *MODULES]:
        used[_room(module)] |= {
            _room(name) for name in _imports(_path(module), typing=True) if name.split(".")[0] == "vidstyle"
        }
    assert {room: others - used[room] for room, others in _ARROWS.items() if others - used[room]} == {}


@pytest.mark.parametrize("module", MODULES)
def test_torch_and_av_never_meet(module: str) -> None:
    foreign = {name.split(".")[0] for name in _imports(_path(module))}
    if module.split(".")[1] == "video":
        assert not foreign & {"torch", "torchvision"}
    elif module != "vidstyle.cli.doctor":  # which says what is installed
        assert "av" not in foreign


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports(module: str) -> None:
    importlib.import_module(module)


def test_every_public_name_is_there() -> None:
    for name in dir(vidstyle):
        assert getattr(vidstyle, name) is not None


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


_FOREIGN = {
    "Any",
    "Callable",
    "Executor",
    "Fraction",
    "Generator",
    "Iterable",
    "Iterator",
    "Literal",
    "Mapping",
    "None",
}
_FOREIGN |= {"NDArray", "Path", "Self", "Sequence", "Tensor", "Unpack"}


def _public_functions() -> Iterator[Any]:
    for public in (getattr(vidstyle, name) for name in dir(vidstyle)):
        if inspect.isfunction(public):
            yield public
        elif inspect.isclass(public) and public not in (
            vidstyle.Raster,
            vidstyle.FrameMotion,
        ):  # the map's inside
            members = {name: member for name, member in vars(public).items() if inspect.isfunction(member)}
            yield from (member for name, member in members.items() if name == "__init__" or name[0] != "_")


def test_what_public_signatures_name_is_public() -> None:
    hints = [str(hint) for function in _public_functions() for hint in function.__annotations__.values()]
    named = {word for hint in hints for word in re.findall(r"\b[A-Z]\w+", hint)}
    assert named - set(dir(vidstyle)) - _FOREIGN == set()


def test_unknown_attributes_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="attribute stylise"):
        _ = vidstyle.stylise  # type: ignore[attr-defined]


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
    for folder in ("vidstyle", "scripts", "benchmarks", "tools", "examples", "integrations", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_begins_with_one_sentence_of_what_is_in_it(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, f"{path} has no docstring"
    first = doc.splitlines()[0]
    assert first[-1] in ".:;", f"{path}: {first!r}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_needs_modules_of_posix_to_be_imported(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    names = {alias.name for node in ast.walk(top) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(top) if isinstance(node, ast.ImportFrom)}
    assert not names & {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.name)
def test_scripts_use_the_standard_library_alone_and_parse_on_old_pythons(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
    beside = {other.stem for other in path.parent.glob("*.py")}
    foreign = {name.split(".")[0] for name in _imports(path)} - beside
    assert foreign <= sys.stdlib_module_names


def test_samples_stay_small_and_say_where_they_come_from() -> None:
    files = [path for path in (ROOT / "samples").iterdir() if path.is_file()]
    origin = (ROOT / "samples" / "ORIGIN.md").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in files) < 5_000_000
    for path in files:
        assert path.name == "ORIGIN.md" or path.name in origin


@pytest.mark.parametrize(
    "folder",
    [PACKAGE / "assets", PACKAGE / "assets" / "styles", PACKAGE / "assets" / "contents"],
    ids=["weights", "styles", "contents"],
)
def test_every_asset_says_where_it_comes_from(folder: Path) -> None:
    origin = (folder / "ORIGIN.md").read_text(encoding="utf-8")
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name != "ORIGIN.md"]
    assert names
    assert [name for name in names if name not in origin] == []


def test_any_is_not_used_more_than_it_was() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")]
    uses = sum(isinstance(node, ast.Name) and node.id == "Any" for tree in trees for node in ast.walk(tree))
    assert uses <= 134  # a ceiling that only falls: Any belongs to borders with libraries that have no types
