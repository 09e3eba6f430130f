"""Video style transfer: any clip as a moving painting in the style of any picture, without flicker."""

import logging

import lazy_loader

# the names are listed in __init__.pyi, and imported on their first use: `import vidstyle` loads neither
# torch nor av
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

logging.getLogger(__name__).addHandler(logging.NullHandler())
