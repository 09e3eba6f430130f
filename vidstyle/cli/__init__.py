"""The command line: one file a command, drawn from the option records; nothing else in the project prints."""
