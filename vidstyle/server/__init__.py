"""The local page: a small web server on this machine, its session, and the files of the page."""
