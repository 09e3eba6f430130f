"""The layers above the lowest one that each clip of the session has, for all tabs of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vidstyle.server.settings import layers_of


class ClipLayers:
    """The styles of the layers, by clip; a clip that is new has none."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[object, ...]] = {}
        self.version = 0
        """Grows with each change: by it a tab knows that a message is older than what it has set itself."""
        self.on_change: Callable[[], None] = lambda: None
        """Called in any thread when a clip has other layers."""

    def put(self, clip: str, message: object) -> None:
        """Take layers as ``settings_of`` does; raises ``OptionError``."""
        layers = [
            {"styles": [{"id": name, "weight": weight} for name, weight in zip(*each, strict=True)]}
            for each in layers_of(message)
        ]
        self._change(clip, tuple(layers))

    def remove(self, clip: str, layer: int) -> None:
        """Forget a layer by its number, from 1."""
        layers = self._layers.get(clip, ())
        self._change(clip, layers[: layer - 1] + layers[layer:])

    def _change(self, clip: str, layers: tuple[object, ...]) -> None:
        self._layers[clip] = layers
        self.version += 1
        self.on_change()

    def to_json(self) -> Mapping[str, object]:
        """The layers of each clip, as the page sends them."""
        return {clip: list(layers) for clip, layers in self._layers.items()}
