"""Settings from recipes, presets, files and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidstyle.errors import OptionError, UnknownName
from vidstyle.registry import RECIPES
from vidstyle.training.config import PRESETS, TrainOptions, settings


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_settings_that_hold_and_a_purpose(recipe: str) -> None:
    options = settings(recipe)
    assert options.losses
    loaded = RECIPES.load(recipe)
    assert loaded.name == recipe
    assert loaded.purpose


def test_the_seed_preset_is_the_documented_one() -> None:
    options = settings("stylenet", pairs=["preset=seed"])
    assert (options.batch, options.learning_rate, options.epochs) == (8, 1e-4, 50)
    assert dict(options.losses) == {"content": 1.0, "gram": 1e6, "variation": 1e-5}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits_every_recipe(preset: str) -> None:
    for recipe in RECIPES:
        assert settings(recipe, pairs=[f"preset={preset}"])


@pytest.mark.parametrize("kind", ["toml", "json"])
def test_files_give_way_to_words_and_presets_to_files(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"mine.{kind}"
    table = {
        "recipe": "stylenet",
        "preset": "seed",
        "batch": 3,
        "crop": 99,
        "losses": {"content": 2.0, "style": 1.0},
    }
    toml = 'preset = "seed"\nbatch = 3\ncrop = 99\n[losses]\ncontent = 2.0\nstyle = 1\n'
    file.write_text(json.dumps(table) if kind == "json" else toml)
    options = settings("stylenet", file=file, pairs=["batch=5", "losses.style=0.25"], steps=7)
    assert (options.batch, options.crop, options.steps, options.epochs) == (5, 99, 7, 50)
    assert dict(options.losses) == {"content": 2.0, "style": 0.25}


def test_a_loss_of_weight_zero_is_left_out() -> None:
    options = settings("stylenet", pairs=["losses.shift=0"])
    assert "shift" not in dict(options.losses)
    assert "style" in dict(options.losses)


def test_plain_settings_come_back_as_they_were() -> None:
    options = settings("style-encoder", pairs=["clips=/clips", "style_sides=128,64"], steps=9)
    plain = json.loads(json.dumps(options.plain()))
    assert TrainOptions(**plain) == options


def test_epochs_said_later_replace_steps_of_before() -> None:
    before = settings("stylenet", steps=9).plain()
    assert settings("stylenet", before=before, pairs=["epochs=2"]).steps is None
    assert settings("stylenet", before=before, pairs=["batch=2"]).steps == 9


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("bacth=4", "no setting named 'bacth'; did you mean 'batch'"),
        ("batch=none", "batch must be a whole number"),
        ("batch=0", "batch must be 1 or more"),
        ("batch", "KEY=VALUE"),
        ("preset=seeds", "no preset named 'seeds'; did you mean 'seed'"),
        ("losses.stile=1", "no loss named 'stile'; did you mean 'style'?"),
        ("losses=style=-1", "weights of 0 or more"),
        ("losses=style", "KEY=VALUE"),
        ("learns=brush", "some of painter, film, encoder"),
        ("precision=fp8", "precision cannot be 'fp8'"),
        ("style_sides=4", "each 16 or more"),
        ("batch.size=4", "no setting named 'batch.size'"),
    ],
)
def test_a_wrong_setting_is_one_line(word: str, expected: str) -> None:
    with pytest.raises(OptionError) as caught:
        settings("stylenet", pairs=[word])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["batch = ", "[1, 2]", "\x00"])
def test_a_file_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(OptionError, match=r"--config .*bad\.json"):
        settings("stylenet", file=file)
    with pytest.raises(OptionError, match="cannot be read"):
        settings("stylenet", file=tmp_path / "missing.toml")


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'stylenet'"):
        settings("stylnet")


def test_an_unknown_loss_is_told_without_all_the_others() -> None:
    with pytest.raises(UnknownName) as caught:
        settings("stylenet", pairs=["losses.rippel=1"])
    assert str(caught.value) == "no loss named 'rippel'; did you mean 'ripple'?"
