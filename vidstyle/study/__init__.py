"""Studies that ask people: clips to rate and to compare, in a folder for a browser, and their analysis."""
