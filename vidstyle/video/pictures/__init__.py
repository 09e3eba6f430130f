"""Still pictures out of files, in one way wherever they are used."""
