"""Extensions of pictures that are written, and of pictures and clips that are read in folders.

A file that is named itself may have any extension.
"""

WRITABLE_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif")
READABLE_PICTURES = (*WRITABLE_PICTURES, ".tga", ".ppm", ".pgm", ".jp2")
UNREADABLE_PICTURES = tuple(".exr .dpx .cin .hdr .psd .dng .cr2 .cr3 .nef .arw .heic".split())  # noqa: SIM905
"""Formats that cannot be read; messages name them."""
VIDEOS = tuple(
    """.3g2 .3gp .asf .avi .divx .dv .f4v .flv .ivf .m2t .m2ts .m2v .m4v .mjpeg .mjpg .mkv .mov .mp4
    .mpeg .mpg .mts .mxf .nut .obu .ogm .ogv .qt .rm .rmvb .ts .vob .webm .wmv .wtv .y4m""".split()  # noqa: SIM905
)
CLIPS = (*VIDEOS, ".gif")
"""Videos, and GIFs, which are nearly always animated."""
