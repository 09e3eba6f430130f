"""Sound, subtitles, chapters and tags, copied from source to result."""
