"""``autogen-vitals run``: a command, watched from beside it."""
