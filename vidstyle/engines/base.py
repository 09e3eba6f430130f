"""The base class of engines: weights that paint images in a style, with all state as arguments."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, cast, get_type_hints

from torch import Tensor, nn

from vidstyle.errors import OptionError, VidstyleError, WeightsError, WeightsMismatch, suggestion
from vidstyle.registry import ENGINES, name_of_part
from vidstyle.weights import engine_of

if TYPE_CHECKING:
    from vidstyle.engines.network import Network


class Statistics(Protocol):
    """What an engine must know of a whole frame to paint a part of it: a frozen type of the engine's own."""

    def towards(self, other: Self, share: float) -> Self:
        """These statistics moved by ``share`` (0 to 1) of the way to ``other``."""
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """All their tensors, by name."""
        ...


S = TypeVar("S")
T = TypeVar("T", bound=Statistics)


@dataclass(frozen=True, slots=True)
class Painted(Generic[T]):
    """A painted image (B, 3, H, W) in [0, 1], and the statistics of its painting (None: none needed)."""

    image: Tensor
    statistics: T | None = None


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What the rest of vidstyle must know of an engine."""

    title: str
    """Its name in texts."""
    good_for: str = ""
    """What to choose it for, in a few words, for ``vidstyle list engines``."""
    cost: str = ""
    """The time that a run takes, over that with the engine stylenet."""
    origin: str = ""
    """Where its own weights come from, and their licence."""
    needs_weights: bool = False
    """Whether it comes without weights, so that it paints with a file of them only."""
    receptive_field: int | None = None
    """Px around a part that its paint depends on, with given statistics; None: it depends on everything."""
    near_field: int | None = None
    """Px around a part that suffice for an error within ``near_error``; None: the receptive field."""
    near_error: int = 0
    """Levels of 255 by which a part painted with ``near_field`` may differ from the whole frame's paint."""
    multiple: int = 1
    """Parts must start at multiples of this many px."""
    grid: int = 1
    """Px at whose multiples parts also end, and begin, where the frame is large enough: for a runtime that
    prepares each size anew."""
    smallest: int = 16
    """Shortest side, px, that can be painted."""
    largest: int = 4096 * 2304
    """Area, px², that can be painted at once in a GB or so; larger images are painted in parts."""
    call_cost: int = 5000
    """Area, px², that could be painted on a CPU in the time that one more call costs by itself."""
    is_keyframe_engine: bool = False
    """Whether it paints whole frames, slowly: in a clip it paints some, and they are carried to the others.
    Its class is a ``KeyframeEngine``."""
    keyframe_loss: float = 0.6
    """Share of a part of the picture that a keyframe may have lost before the next one is painted."""
    feature_strength: float | None = None
    """The lowest ``strength`` that the engine applies to its features (``at_strength``); below, its painting
    is also mixed with the clip. None: it is always mixed, and above 1 moved away from the clip's style."""

    @property
    def surroundings(self) -> int | None:
        """Px around a part that are painted with it and discarded; None: parts cannot be painted."""
        return self.receptive_field if self.near_field is None else self.near_field


class Engine(nn.Module, ABC, Generic[S, T]):
    """Paints images in a style. Holds weights, never state: all state is an argument."""

    info: ClassVar[EngineInfo]
    made_with: str = ""
    """Where ``load_engine`` took it from, and its options; "" for an engine that was made otherwise."""

    @abstractmethod
    def encode_style(self, image: Tensor) -> S:
        """What the engine needs to know of a style ``image`` (1, 3, H, W) in [0, 1], of any size."""

    @abstractmethod
    def mix(self, styles: Sequence[S], weights: Sequence[float]) -> S:
        """The weighted mean of ``styles``; the weights sum to 1 and may be negative (away from a style)."""

    def at_strength(self, style: S, strength: float) -> S:
        """``style`` at a ``strength`` above 0, for engines that have a ``feature_strength``; 1: as it is."""
        return style

    def style_tensors(self, style: S) -> Mapping[str, Tensor] | None:
        """All that a ``style`` holds, by name, so that it can be kept in a file; None: it cannot be kept."""
        return {"embedding": style} if isinstance(style, Tensor) else None

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> S:
        """The style whose ``style_tensors`` these are; ``KeyError`` or ``ValueError`` if they do not fit."""
        return cast(S, tensors["embedding"])

    def statistics_from_tensors(self, tensors: Mapping[str, Tensor]) -> T:
        """The statistics whose ``tensors()`` these are, so that a stream can go on from a saved state.

        Raises ``KeyError`` if they do not fit, and ``OptionError`` for an engine that does not offer it.
        """
        raise OptionError(
            f"the state of a stream painted by {self.info.title} cannot be kept: "
            "the engine has no statistics_from_tensors"
        )

    def check_image(self, image: Tensor, statistics: T | None) -> None:
        """Raise ``ValueError`` for an ``image`` too small to paint, or a batch without ``statistics``."""
        batch, _, height, width = image.shape
        least = self.info.smallest
        if min(height, width) < least:
            raise ValueError(f"{self.info.title} paints {least}x{least} px or more, got {width}x{height}")
        if statistics is None and batch != 1:
            raise ValueError(f"without statistics images are painted one by one, got a batch of {batch}")

    def exportable(self) -> Network[S, T] | None:
        """What it computes for given statistics, as a graph for other runtimes; None: there is no such graph.

        It may share the engine's tensors.
        """
        return None

    @property
    def itself(self) -> AnyEngine:
        """The engine that encodes styles: this one, unless it only stands for another."""
        return self

    @abstractmethod
    def stylize(self, image: Tensor, style: S, statistics: T | None = None) -> Painted[T]:
        """Paint ``image`` (1, 3, H, W) in [0, 1]; same shape and range back.

        With ``statistics`` given the result depends on the receptive field only, and they come back
        unchanged; without, they are taken from the image.
        """


OnStep = Callable[[], None]
"""Called before each step of a long painting; what it raises ends the painting."""


class KeyframeEngine(Engine[S, Statistics]):
    """An engine that ``info`` says is a keyframe engine: it has no statistics, and paints whole frames."""

    @abstractmethod
    def stylize(
        self,
        image: Tensor,
        style: S,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1]; same shape and range back.

        ``initial``, of the same shape, is a painting that was carried to the image: what fits is kept.
        """


AnyEngine = Engine[Any, Any]
"""An engine whose types of styles and statistics do not matter."""


def info_of(engine: str) -> EngineInfo | None:
    """What the engine called ``engine`` says of itself, without its weights; None if that cannot be told.

    It is the ``info`` of the class that its factory function says it returns.
    """
    make = ENGINES.load(engine)
    try:
        kind = make if isinstance(make, type) else get_type_hints(make).get("return")
    except (NameError, TypeError):  # names that only type checkers import, of an engine from outside
        return None
    info = getattr(kind, "info", None)
    return info if isinstance(info, EngineInfo) else None


def chosen_engine(engine: object | None, weights: Path | None, otherwise: str) -> object:
    """The ``engine`` that is given, or else the one that a file of ``weights`` names, or ``otherwise``.

    Raises ``WeightsMissing`` and ``WeightsMismatch``, also where the file names another engine than that
    which is given: some engines load weights of others.
    """
    if engine is None:
        named = None if weights is None else engine_of(weights)
        # only a registered name: a file of weights must not choose what is imported
        return named if named is not None and named in ENGINES else otherwise
    named = None
    with suppress(WeightsError):  # another kind of file, or a folder, of which the engine knows
        named = None if weights is None else engine_of(weights)
    if isinstance(engine, str) and engine in ENGINES and named in ENGINES and named != engine:
        raise WeightsMismatch(
            f"{weights} holds weights of the engine {named}, not of {engine}; leave out --engine"
        )
    return engine


def load_engine(
    engine: object, weights: Path | None = None, options: Mapping[str, object] = MappingProxyType({})
) -> AnyEngine:
    """The engine called ``engine`` with its own weights or those of a file; an object is returned unchanged.

    ``options`` are the engine's own: keywords of its factory function, which checks their values. Raises
    ``OptionError``, and what the factory raises.
    """
    if isinstance(engine, str):
        make = ENGINES.load(engine)
        if not callable(make):
            raise OptionError(f"the engine {engine!r} must be a function of a file of weights, got {make!r}")
        _check_class(engine, make)
        _check_options(engine, make, options)
        try:
            made = make(weights, **options)
        except VidstyleError:
            raise  # says itself what is wrong
        except Exception as error:  # an engine from outside may fail in its own ways
            keywords = "".join(f", {name}={value!r}" for name, value in options.items())
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise OptionError(
                f"the engine {engine!r} cannot be made of a file of weights{keywords} ({reason})"
            ) from error
    else:
        made = engine
        if weights is not None:
            raise OptionError("--weights goes with an engine's name; an engine that is an object has its own")
        if options:
            raise OptionError("--engine-option goes with an engine's name, not with an object")
    if not isinstance(made, Engine):
        raise OptionError(f"an engine must be a vidstyle.Engine, and {name_of_part(engine)} is {type(made)}")
    if not isinstance(getattr(made, "info", None), EngineInfo):
        raise OptionError(f"the engine {name_of_part(engine)} has no info; give its class an EngineInfo")
    if isinstance(engine, str):
        made.made_with = f"{ENGINES[engine]} {sorted(options.items())}"
    return made


def _check_class(engine: str, make: Callable[..., object]) -> None:
    """Raise ``OptionError`` for an engine's class whose first argument would be mistaken for the weights."""
    if not (isinstance(make, type) and issubclass(make, Engine)):
        return
    parameters = inspect.signature(make).parameters.values()
    first = next(
        (each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)), None
    )
    if first is not None and first.name != "weights":
        raise OptionError(
            f"the engine {engine!r} is a class whose first argument is {first.name!r}, not weights; "
            "name a function of a file of weights that makes it"
        )


def _check_options(engine: str, make: Callable[..., object], options: Mapping[str, object]) -> None:
    """Raise ``OptionError`` for an option that the function ``make`` of an engine does not take."""
    if not options:
        return
    parameters = inspect.signature(make).parameters.values()
    known = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            hint = suggestion(name, known) if known else "it has none"
            raise OptionError(f"the engine {engine!r} has no option {name!r}; {hint}")
