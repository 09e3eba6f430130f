"""The command line: one module per command, with options from the option records; only it prints."""
