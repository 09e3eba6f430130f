"""Training recipes: what each trains, and its default settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training recipe: its purpose, student and settings."""

    name: str
    purpose: str
    defaults: Mapping[str, Any]
    """Settings that differ from the defaults of ``TrainOptions``."""
    student: str = "stylenet"
    """The name of the student in ``STUDENTS``."""
    is_of_teacher: bool = False
    """Whether style losses compare with the teacher's painting instead of the style picture."""


STYLENET = Recipe(
    "stylenet",
    "the whole of StyleNet towards the style pictures themselves, calm under motion and noise",
    {
        "losses": {
            "style": 1.0,
            "content": 0.15,
            "shift": 6.0,
            "warped": 30.0,
            "grid": 1.5,
            "ripple": 4.0,
            "tones": 1.0,
        },
        "learning_rate": 4e-4,
        "warmup": 10,
        "style_crop": 0.6,
        "learns": ("painter", "film", "encoder"),
        "epochs": 7.0,
    },
)

STYLENET_DISTIL = Recipe(
    "stylenet-distil",
    "the painter after a frozen teacher's paintings, from any start",
    {
        "losses": {"distillation": 1.0, "style": 0.3, "shift": 0.5},
        "learning_rate": 1.5e-3,
        "learns": ("painter", "film"),
        "start": "random",
        "mixtures": 0.3,
        "style_sides": (176,),
        "epochs": 20.0,
    },
    is_of_teacher=True,
)

STYLE_ENCODER = Recipe(
    "style-encoder",
    "only the style encoder's linear layer, trained on a frozen teacher's embeddings",
    {
        "losses": {"style-embedding": 1.0},
        "learning_rate": 1e-3,
        "encoder_rate": 1.0,
        "learns": ("encoder",),
        "start": "random",
        "style_crop": 0.5,
        "epochs": 20.0,
    },
)

SMALL_VGG = Recipe(
    "small-vgg",
    "the small VGG of the engine wct, encoder and decoders, from content pictures and VGG-16",
    {
        "losses": {
            "feature-distillation": 1.0,
            "decoder-block": 3.0,
            "reconstruction": 240.0,
            "perceptual-reconstruction": 0.3,
        },
        "learning_rate": 2e-4,
        "encoder_rate": 1.0,
        "warmup": 200,
        "clip": 20.0,
        "ema": 0.999,
        "learns": ("encoder", "decoder"),
        "crop": 160,
        "epochs": 50.0,
    },
    student="small-vgg",
)

WCT_DECODER = Recipe(
    "wct-decoder",
    "only the decoders of the small VGG, for features that are whitened and coloured",
    {
        "losses": {
            "style": 1.0,
            "content": 0.5,
            "decoder-block": 3.0,
            "reconstruction": 240.0,
        },
        "content_layers": ("conv3_1", "conv4_1"),
        "content_kind": "normalised",
        "style_layers": ("conv1_1", "conv2_1", "conv3_1"),
        "style_sides": (256,),
        "style_crop": 0.5,
        "learning_rate": 1e-4,
        "warmup": 100,
        "clip": 20.0,
        "learns": ("decoder",),
        "crop": 192,
        "epochs": 10.0,
    },
    student="small-vgg",
)

PHOTOREAL = Recipe(
    "photoreal",
    "the decoders of the engine photoreal, from content pictures",
    {
        "losses": {"decoder-block": 1.0, "reconstruction": 240.0},
        "learning_rate": 1e-3,
        "warmup": 50,
        "clip": 20.0,
        "learns": ("decoder",),
        "crop": 160,
        "epochs": 10.0,
    },
    student="photoreal",
)

WCT_SINGLE_PASS = Recipe(
    "wct-single-pass",
    "the decoder of the engine wct-single-pass, from the bundled weights, towards the style pictures",
    {
        "losses": {
            "covariance": 1.0,
            "content": 0.15,
            "tones": 0.5,
            "grid": 5.0,
            "shift": 2.0,
            "ripple": 0.5,
        },
        "grid_period": 8,
        "style_sides": (256,),
        "style_crop": 0.6,
        "learning_rate": 2e-4,
        "warmup": 10,
        "learns": ("decoder",),
        "crop": 192,
        "epochs": 2.0,
    },
    student="wct-single-pass",
)

WCT_SLIM = Recipe(
    "wct-slim",
    "a narrower network for the engine wct-slim, after the paintings of wct-single-pass",
    {
        "losses": {
            "distillation": 1.0,
            "feature-distillation": 1.0,
            "decoder-block": 1.0,
            "reconstruction": 30.0,
            "covariance": 1.0,
            "content": 0.15,
            "grid": 5.0,
            "shift": 2.0,
            "ripple": 2.0,
        },
        "teacher": "wct-single-pass",
        "width": 0.67,
        "grid_period": 8,
        "style_sides": (256,),
        "style_crop": 0.6,
        "encoder_rate": 1.0,
        "warmup": 50,
        "learns": ("encoder", "decoder"),
        "crop": 192,
        "epochs": 10.0,
    },
    student="wct-single-pass",
)

ADAIN = Recipe(
    "adain",
    "the decoders of the engine adain, for features with the means and deviations of a style",
    {
        "losses": {"content": 1.0, "style": 10.0, "grid": 10.0, "ripple": 30.0},
        "content_layers": ("conv3_1", "conv4_1"),
        "content_kind": "normalised",
        "grid_period": 8,
        "style_sides": (192,),
        "style_crop": 0.5,
        "learning_rate": 1e-4,
        "warmup": 50,
        "clip": 20.0,
        "learns": ("decoder",),
        "crop": 192,
        "epochs": 10.0,
    },
    student="adain",
)

ATTENTION = Recipe(
    "attention",
    "the attention and the decoders of the engine attention, towards the style pictures",
    ADAIN.defaults,
    student="attention",
)
