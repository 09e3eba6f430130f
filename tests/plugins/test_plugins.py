"""Parts of other packages: listed without being imported, held to the contracts, used by every door."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from clips import shapes
from toy import Dye, Grey, Stand, Unlikeness, pyramid

import vidstyle
from vidstyle.cli.main import main
from vidstyle.engines.base import Engine, load_engine
from vidstyle.errors import OptionError, UnknownName
from vidstyle.flow.base import FlowEstimator, FlowInfo, auto_flow, flow_info, load_flow, scoring_flows
from vidstyle.losses.base import Loss
from vidstyle.metrics.base import Metric, Setup
from vidstyle.metrics.perceptual_features import Features
from vidstyle.options import PaintOptions
from vidstyle.registry import ENGINES, FLOWS, LOSSES, METRICS, RECIPES
from vidstyle.testing import EngineContract, FeaturesContract, FlowContract, LossContract, MetricContract
from vidstyle.training.config import settings
from vidstyle.training.objective import Objective
from vidstyle.video.reading.reader import Reader

_POINTS = """\
[vidstyle.engines]
dye = toy_parts:dye
[vidstyle.flows]
stand = toy_parts:Stand
[vidstyle.metrics]
unlikeness = toy_parts:Unlikeness
[vidstyle.losses]
grey = toy_parts:Grey
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the toy package is installed in, as pip would."""
    folder = tmp_path_factory.mktemp("site")
    toy = Path(__file__).with_name("toy.py").read_text(encoding="utf-8")
    (folder / "toy_parts.py").write_text(toy, encoding="utf-8")
    facts = folder / "toy_parts-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-parts\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(_POINTS)
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("toy_parts", None)


# Contracts -------------------------------------------------------------------------------------------


class TestDye(EngineContract):
    def make(self, device: str) -> Engine[Any, Any]:
        return Dye().to(device)


class TestStand(FlowContract):
    finds_motion = False

    def make(self, device: str) -> FlowEstimator:
        return Stand(device=device)


class TestUnlikeness(MetricContract):
    def make(self, setup: Setup) -> Metric:
        return Unlikeness(setup)


class TestPyramid(FeaturesContract):
    def make(self, device: str) -> Features:
        return pyramid(device)


class TestGrey(LossContract):
    def make(self) -> Loss:
        return Grey()


# Names -----------------------------------------------------------------------------------------------


def test_parts_of_installed_packages_are_listed_and_not_imported(site: Path) -> None:
    program = (
        "import sys; from vidstyle.cli.main import main; main(['list']); print('toy_parts' in sys.modules)"
    )
    where = {"PYTHONPATH": f"{site}:{Path(vidstyle.__file__).parents[1]}"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=where)
    assert done.returncode == 0, done.stderr
    lists = {line.split()[0]: line for line in done.stdout.splitlines()}
    for title, name in (
        ("engines", "dye"),
        ("flows", "stand"),
        ("metrics", "unlikeness"),
        ("losses", "grey"),
    ):
        assert name in lists[title]
    assert done.stdout.endswith("False\n")


def test_installed_parts_are_loaded_by_name(installed: Path) -> None:
    assert load_engine("dye").info.title == "Dye"
    assert type(load_flow("stand", "cpu")).__name__ == "Stand"
    assert METRICS.load("unlikeness").__name__ == "Unlikeness"
    assert LOSSES.load("grey").__name__ == "Grey"
    assert "dye" in ENGINES and list(FLOWS)[-1] == "stand"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dey", "no engine named 'dey'; did you mean 'dye'?"),
        ("toy_parts:dyi", "no engine 'toy_parts:dyi': toy_parts has no 'dyi'; did you mean 'dye'?"),
        ("toy_prats:dye", "cannot be imported from toy_prats (ModuleNotFoundError: No module named"),
        (
            "toy_parts:",
            "no engine 'toy_parts:'; parts from elsewhere are given as \"package.module:Attribute\"",
        ),
        ("toy_parts:Stand", "cannot be made of a file of weights"),
        ("toy_parts:Mean", "must be a vidstyle.Engine"),
    ],
)
def test_a_wrong_part_is_one_line(
    name: str, message: str, installed: Path, plain_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OptionError) as raised:
        load_engine(name)
    assert message in str(raised.value) and "\n" not in str(raised.value)
    arguments = [
        "run",
        str(plain_clip),
        "--style",
        "waves",
        "--engine",
        name,
        "-o",
        str(installed / "no.mkv"),
    ]
    try:
        assert main(arguments) != 0
    except SystemExit as left:
        assert left.code
    assert message in capsys.readouterr().err


def poster(weights: Path | None = None, *, levels: int = 4) -> Dye:
    """An engine that does not take everything; remembers what it was given."""
    if not isinstance(levels, int):
        raise ValueError("levels must be\na whole number")
    made = Dye()
    made.made_of = levels  # type: ignore[assignment]
    return made


class Poster(Dye):
    """An engine that is named by its class, and takes no weights."""

    def __init__(self, levels: int = 4) -> None:
        super().__init__()
        self.levels = levels


def test_an_error_of_an_engines_maker_is_one_line_with_its_name_and_options() -> None:
    with pytest.raises(OptionError) as raised:
        load_engine(f"{__name__}:poster", options={"levels": "3"})
    message = str(raised.value)
    assert "\n" not in message
    for part in (f"{__name__}:poster", "levels='3'", "ValueError: levels must be a whole number"):
        assert part in message


def test_an_engines_class_without_weights_is_refused_in_one_line() -> None:
    with pytest.raises(OptionError, match="Poster' is a class whose first argument is 'levels', not weights"):
        load_engine(f"{__name__}:Poster")


def test_options_of_an_engine_keep_their_types_in_python_and_are_text_otherwise() -> None:
    for value, expected in (
        ({"levels": 3}, (("levels", 3),)),
        ([("levels", 3)], (("levels", 3),)),
        (["levels=3", "a=b=c"], (("levels", "3"), ("a", "b=c"))),
        ("levels=3", (("levels", "3"),)),
    ):
        assert PaintOptions(engine_option=value).engine_option == expected  # type: ignore[arg-type]
    engine = vidstyle.Stylizer(
        "waves", engine=f"{__name__}:poster", engine_option={"levels": 3}, device="cpu"
    )._painter.engine
    assert engine.made_of == 3
    assert engine.made_with == f"{__name__}:poster [('levels', 3)]"


def test_help_lists_installed_parts(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    text = capsys.readouterr().out
    assert "{" + ",".join([*ENGINES.bundled, "dye"]) + "}" in text
    assert "{auto,dis,raft-small,raft-large,stand,none}" in text
    assert "toy_parts" not in sys.modules


def test_auto_and_scoring_take_bundled_flows_only(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = FlowInfo(devices=frozenset({"cpu", "mps"}), scoring=0)
    monkeypatch.setattr(FLOWS.load("stand"), "info", info, raising=False)
    assert flow_info("stand") == info
    assert "stand" not in scoring_flows()
    assert {auto_flow(device) for device in ("cpu", "mps", "cuda")} <= set(FLOWS.bundled)


def test_a_name_near_none_lists_what_there_is() -> None:
    with pytest.raises(UnknownName, match="there are: dis, raft-large, raft-small"):
        load_flow("q", "cpu")


def test_a_loss_by_its_place_is_a_training_setting(installed: Path) -> None:
    options = settings("stylenet", pairs=["losses=grey=1,toy_parts:Grey=0.5"])
    assert dict(options.losses) == {"grey": 1.0, "toy_parts:Grey": 0.5}
    objective = Objective(RECIPES.load("stylenet"), settings("stylenet", pairs=["losses=toy_parts:Grey=1"]))
    assert objective.needs == frozenset()


def test_a_loss_of_a_package_within_a_package_is_one_of_a_run() -> None:
    name = "vidstyle.losses.variation:Variation"
    objective = Objective(RECIPES.load("stylenet"), settings("stylenet", pairs=[f"losses={name}=1"]))
    assert [type(loss).__name__ for loss in objective.losses.values()] == ["Variation"]


# Use -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "flow"), [("dye", "stand"), ("toy_parts:dye", "toy_parts:Stand")])
def test_installed_parts_paint_a_clip_and_measure_it(
    engine: str, flow: str, installed: Path, plain_clip: Path, tmp_path: Path
) -> None:
    target, numbers = tmp_path / "dyed.mkv", tmp_path / "numbers.json"
    arguments = ["--engine", engine, "--flow", flow, "-o", str(target), "-q"]
    assert main(["run", str(plain_clip), "--style", "waves", *arguments]) == 0
    assert sum(1 for _ in Reader(target)) == 12
    metric = engine.replace("dye", "unlikeness") if ":" not in engine else "toy_parts:Unlikeness"
    arguments = ["--metrics", metric, "--flow", flow, "--json", str(numbers), "-q"]
    assert main(["evaluate", str(target), "--source", str(plain_clip), *arguments]) == 0
    measured = json.loads(numbers.read_text(encoding="utf-8"))["metrics"][metric]
    assert measured["dyed"]["value"] > 0.01 if "dyed" in measured else measured


def test_an_encoder_by_its_place_measures_a_result(installed: Path, plain_clip: Path, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.json"
    arguments = ["--metrics", "content_distance", "--flow", "dis", "--json", str(numbers), "-q"]
    arguments += ["--features", "toy_parts:pyramid"]
    assert main(["evaluate", str(plain_clip), "--source", str(plain_clip), *arguments]) == 0
    report = json.loads(numbers.read_text(encoding="utf-8"))
    assert report["metrics"]["content_distance"]["value"] == 0


def test_an_installed_metric_that_asks_for_it_is_measured_by_a_run(
    installed: Path, plain_clip: Path, tmp_path: Path
) -> None:
    report = tmp_path / "run.json"
    arguments = ["--style", "waves", "--engine", "dye", "--measure", "--json", str(report)]
    assert main(["run", str(plain_clip), "-o", str(tmp_path / "a.mkv"), *arguments]) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["measured"]["unlikeness"] > 0.01


def test_objects_are_taken_where_names_are(plain_clip: Path, tmp_path: Path) -> None:
    frames = list(vidstyle.stylize_frames(shapes(4), style="waves", engine=Dye(), flow=Stand(), device="cpu"))
    assert len(frames) == 4
    target = tmp_path / "dyed.mkv"
    report = vidstyle.stylize_video(
        plain_clip, target, style="waves", engine=Dye(), flow=Stand(), device="cpu", frames=3
    )
    assert (report.options["engine"], report.options["flow"]) == ("toy:Dye", "toy:Stand")
    json.dumps(report.to_json())
    evaluation = vidstyle.evaluate(
        target, source=plain_clip, frames=3, metrics=[Unlikeness, "psnr"], flow=Stand(), device="cpu"
    )
    assert (evaluation.value("toy:Unlikeness") or 0) > 0


def test_a_temporal_method_is_taken_as_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    from vidstyle.temporal.blend import Blend

    frames = [
        list(vidstyle.stylize_frames(shapes(4), style="waves", engine=Dye(), temporal=method, device="cpu"))
        for method in (Blend, "blend", "vidstyle.temporal.blend:Blend")
    ]
    assert all((a == b).all() for other in frames[1:] for a, b in zip(frames[0], other, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": Dye}, "an engine must be a vidstyle.Engine, and toy:Dye is"),
        ({"engine": Dye(), "weights": "x"}, "--weights goes with an engine's name"),
        ({"engine": Dye(), "flow": Stand}, "a flow estimator is called with two images"),
        ({"engine": Dye(), "temporal": 3}, "a temporal method is a class"),
    ],
    ids=["engine", "weights", "flow", "temporal"],
)
def test_an_object_that_is_no_part_is_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        vidstyle.Stylizer("waves", device="cpu", **options)


def test_statistics_of_a_shot_are_the_engines_own() -> None:
    painted = Dye().stylize(torch.rand(1, 3, 8, 8), torch.zeros(3))
    assert painted.statistics is not None and set(painted.statistics.tensors()) == {"mean"}
