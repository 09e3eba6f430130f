"""Sound, subtitles, chapters and tags, copied or re-encoded from source to result."""
