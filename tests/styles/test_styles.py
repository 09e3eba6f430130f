"""Styles as users name them, mixtures, tracks and kept embeddings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from vidstyle.engines.base import Engine, EngineInfo, Painted, Statistics
from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame
from vidstyle.rendering.renderer import Renderer
from vidstyle.styles.embedding_cache import EmbeddingCache
from vidstyle.styles.mixtures import Styles, pushed, shares
from vidstyle.styles.pictures import bundled_styles, find_style, load


class Tint(Engine[Tensor, Statistics]):
    """Fills the image with the mean colour of the style; counts what it encodes."""

    info = EngineInfo(title="Tint")

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain), requires_grad=False)
        self.encoded = 0

    def encode_style(self, image: Tensor) -> Tensor:
        self.encoded += 1
        return image.mean((0, 2, 3)) * self.gain

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack([style * weight for style, weight in zip(styles, weights, strict=True)]).sum(0)

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Statistics | None = None
    ) -> Painted[Statistics]:
        return Painted(style.clamp(0, 1).view(1, 3, 1, 1).expand_as(image))


def flat(red: int, green: int = 0, blue: int = 0) -> np.ndarray:
    return np.full((20, 30, 3), (red, green, blue), np.uint8)


@pytest.fixture
def embeddings() -> EmbeddingCache[Tensor]:
    return EmbeddingCache(Renderer(Tint()))


def made(embeddings: EmbeddingCache[Tensor], *styles: object, **options: object) -> Styles[Tensor]:
    return Styles(embeddings, Tint(), styles, **options)  # type: ignore[arg-type]


def track(folder: Path, text: str, name: str = "track.txt") -> Path:
    for color, pixels in {"red": flat(255), "green": flat(0, 255), "old blue": flat(0, 0, 255)}.items():
        Image.fromarray(pixels).save(folder / f"{color}.png")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# names


def test_every_bundled_style_is_a_picture_rich_in_colour() -> None:
    assert len(bundled_styles()) >= 3
    for name in bundled_styles():
        pixels = load(name)
        assert min(pixels.shape[:2]) >= 512
        assert pixels.std() > 40


def test_bundled_styles_are_small() -> None:
    assert sum(path.stat().st_size for path in bundled_styles().values()) < 1_500_000


def test_a_file_comes_before_a_bundled_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(flat(9)).save(tmp_path / "waves", format="PNG")
    monkeypatch.chdir(tmp_path)
    assert find_style("waves") == Path("waves")
    assert find_style("ink") == bundled_styles()["ink"]


def test_an_unknown_style_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="no style 'wave': did you mean 'waves'"):
        find_style("wave")
    with pytest.raises(InputError, match=r"no style .*art\.jpg.*give a picture file"):
        find_style("pictures/art.jpg")


def test_listing_styles_does_not_import_torch() -> None:
    code = (
        "import sys; from vidstyle.styles.pictures import bundled_styles; "
        "bundled_styles(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("style", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), None])
def test_pixels_that_are_no_picture_are_refused(style: object) -> None:
    with pytest.raises(OptionError, match=r"a style's pixels must be \(H, W, 3\) uint8 or uint16"):
        load(style)  # type: ignore[arg-type]


# mixtures


def test_styles_are_pixels_frames_paths_and_names(embeddings: EmbeddingCache[Tensor], tmp_path: Path) -> None:
    Image.fromarray(flat(255)).save(tmp_path / "red.png")
    for style in (flat(255), Frame(flat(255)), tmp_path / "red.png", str(tmp_path / "red.png")):
        assert made(embeddings, style).at().tolist() == [1.0, 0.0, 0.0]


def test_styles_are_mixed_by_weights_that_need_not_sum_to_one(embeddings: EmbeddingCache[Tensor]) -> None:
    mixed = made(embeddings, flat(255), flat(0, 255), weights=[3, 1])
    assert mixed.at(Fraction(9)).tolist() == [0.75, 0.25, 0.0]
    assert made(embeddings, flat(255), flat(0, 255)).at().tolist() == [0.5, 0.5, 0.0]
    assert not mixed.is_moving
    assert mixed.progress(Fraction(0), Fraction(9)) == 0.0


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0], "must be 2 numbers"), ([0.0, 0.0], "not all 0"), ([-1.0, 2.0], "0 or more")],
)
def test_weights_that_do_not_fit_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        shares(weights, 2)


def test_no_style_and_a_track_beside_a_style_are_refused(
    embeddings: EmbeddingCache[Tensor], tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="no style given"):
        made(embeddings)
    with pytest.raises(OptionError, match="leave --style out"):
        made(embeddings, flat(1), track=track(tmp_path, "0 red.png"))


def test_strength_above_one_moves_away_from_the_shots_own_style() -> None:
    style, own = torch.tensor([0.8, 0.5]), torch.tensor([0.4, 0.5])
    assert torch.allclose(pushed(Tint(), style, own, 1.5), torch.tensor([1.0, 0.5]))
    assert pushed(Tint(), style, own, 1.0) is style
    assert pushed(Tint(), style, own, 0.3) is style


# tracks


def test_a_track_holds_moves_smoothly_and_holds_again(
    embeddings: EmbeddingCache[Tensor], tmp_path: Path
) -> None:
    text = "# red, then green\n1 red.png\n0:03 green.png  # a comment\n"
    styles = made(embeddings, track=track(tmp_path, text))
    at = [styles.at(Fraction(time)).tolist() for time in (0, 1, "1.5", 2, "2.5", 3, 9)]
    assert [round(color[1], 5) for color in at] == [0, 0, 0.15625, 0.5, 0.84375, 1, 1]
    assert all(abs(color[0] + color[1] - 1) < 1e-6 for color in at)
    assert styles.is_moving


def test_lines_of_one_time_are_a_mixture_and_order_does_not_matter(
    embeddings: EmbeddingCache[Tensor], tmp_path: Path
) -> None:
    text = '5 red.png 1\n0 green.png\n5 "old blue.png" 3\n'
    assert made(embeddings, track=track(tmp_path, text)).at(Fraction(5)).tolist() == [0.25, 0.0, 0.75]


def test_progress_of_all_steps_sums_to_the_whole_way(
    embeddings: EmbeddingCache[Tensor], tmp_path: Path
) -> None:
    styles = made(embeddings, track=track(tmp_path, "0 red.png\n1 red.png\n3 green.png\n4 green.png"))
    times = [Fraction(step, 10) for step in range(51)]
    steps = [styles.progress(*pair) for pair in pairwise(times)]
    assert abs(sum(steps) - 1) < 1e-9
    assert all(step == 0 for step, time in zip(steps, times, strict=False) if time < 1 or time >= 3)
    assert styles.progress(Fraction(0), Fraction(4)) == 1.0


def test_a_track_in_json_means_the_same(embeddings: EmbeddingCache[Tensor], tmp_path: Path) -> None:
    items = [{"time": 0, "style": "red.png"}, {"time": "2", "style": "green.png", "weight": 2}]
    styles = made(embeddings, track=track(tmp_path, json.dumps(items), "track.json"))
    assert styles.at(Fraction(1)).tolist() == [0.5, 0.5, 0.0]


def test_windows_paths_in_a_track_are_kept(tmp_path: Path) -> None:
    from vidstyle.styles.track import read_entries

    (entry,) = read_entries(track(tmp_path, r'0 "art\old blue.png" 2'))
    assert (entry.style, entry.weight) == (r"art\old blue.png", 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 red.png\n\nsoon green.png", r"track\.txt, line 3: expected a time.*'soon'"),
        ("0 red.png heavy", "line 1: the weight must be a number"),
        ("0 red.png 1 1", "line 1: expected 'time style weight'"),
        ("0 old blue.png", "line 1: .*'blue.png'|line 1: expected"),
        ("\n0 gone.png", "line 2: no style 'gone.png'"),
        ('0 "red.png', "line 1: .*quot"),
        ("0 red.png -1", "line 1: times and weights are 0 or more"),
        ("0 red.png 0", "the weights at 0 s sum to 0"),
        ("# nothing\n", "is empty"),
        ('[{"time": 0,\n "style" "red.png"}]', "line 2: "),
        ('[{"time": 0, "stile": "red.png"}]', "entry 1: expected"),
        ('{"time": 0}', "expected a list"),
    ],
)
def test_a_broken_track_says_where_in_one_line(
    embeddings: EmbeddingCache[Tensor], tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        made(embeddings, track=track(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_track_that_is_missing_or_no_text_is_refused(
    embeddings: EmbeddingCache[Tensor], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot read the style track"):
        made(embeddings, track=tmp_path / "gone.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81" * 10)
    with pytest.raises(InputError, match="not a style track"):
        made(embeddings, track=tmp_path / "binary")


# embeddings


def test_a_picture_is_encoded_once_whatever_it_is_called(tmp_path: Path) -> None:
    engine = Tint()
    embeddings = EmbeddingCache(Renderer(engine))
    for _ in range(3):
        assert embeddings.encode(flat(10).copy()).tolist() == embeddings.encode(flat(10)).tolist()
    embeddings.encode(flat(11))
    embeddings.encode(flat(10).reshape(30, 20, 3))
    assert engine.encoded == 3


def test_codes_are_kept_in_a_folder_by_picture_and_weights(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "styles"
    first = EmbeddingCache(Renderer(Tint()), folder).encode(flat(100))
    engine = Tint()
    assert torch.equal(EmbeddingCache(Renderer(engine), folder).encode(flat(100)), first)
    assert engine.encoded == 0
    other = Tint(gain=0.5)
    assert torch.allclose(EmbeddingCache(Renderer(other), folder).encode(flat(100)), first / 2)
    assert other.encoded == 1
    assert not list(folder.glob("*.part"))


def test_damaged_codes_are_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = EmbeddingCache(Renderer(Tint()), tmp_path).encode(flat(100))
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", b"garbage", whole[:-3]):
        kept.write_bytes(damaged)
        assert torch.equal(EmbeddingCache(Renderer(Tint()), tmp_path).encode(flat(100)), first)
        assert kept.read_bytes() == whole
    assert "style embedding that cannot be read" in caplog.text


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    assert EmbeddingCache(Renderer(Tint()), tmp_path / "file" / "cache").encode(flat(255)).tolist() == [
        1.0,
        0.0,
        0.0,
    ]
    assert "could not keep a style embedding" in caplog.text


def test_engines_of_other_modules_or_other_options_have_embeddings_of_their_own(tmp_path: Path) -> None:
    class Elsewhere(Tint):
        """The same name and weights in another module, and another code."""

        def encode_style(self, image: Tensor) -> Tensor:
            return super().encode_style(image) / 4

    Elsewhere.__qualname__, Elsewhere.__module__ = Tint.__qualname__, "elsewhere"
    optioned, loaded = Tint(), Tint()
    optioned.levels = 3  # type: ignore[assignment]  # a plain attribute, as an engine's maker sets it
    loaded.made_with = "module:make [('levels', 3)]"
    engines = [Tint(), Elsewhere(), optioned, loaded]
    for engine in engines:
        EmbeddingCache(Renderer(engine), tmp_path).encode(flat(100))
    assert [engine.encoded for engine in engines] == [1, 1, 1, 1]


def test_a_bounded_cache_forgets_the_styles_that_were_not_used_for_longest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = EmbeddingCache(Renderer(Tint()), tmp_path, limit=10_000)
    cache.encode(flat(1))
    (kept,) = tmp_path.iterdir()
    size = kept.stat().st_size
    bounded = EmbeddingCache(Renderer(Tint()), tmp_path, limit=2 * size)
    bounded.encode(flat(2))
    os.utime(kept, (1, 1))
    EmbeddingCache(Renderer(Tint()), tmp_path, limit=2 * size).encode(flat(1))  # used: now the newest
    bounded.encode(flat(3))
    assert kept.exists() and len(list(tmp_path.iterdir())) == 2
    EmbeddingCache(Renderer(Swatch()), tmp_path, limit=size).encode(flat(4))
    assert not caplog.text  # nobody asked for the cache


class Swatch(Tint):
    """Its styles are no tensors and cannot be kept."""

    def style_tensors(self, style: Tensor) -> None:
        return None


def test_styles_that_cannot_be_kept_are_said_to_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert EmbeddingCache(Renderer(Swatch()), tmp_path).encode(flat(255)).tolist() == [1.0, 0.0, 0.0]
    assert "cannot be kept" in caplog.text
    assert not list(tmp_path.iterdir())
