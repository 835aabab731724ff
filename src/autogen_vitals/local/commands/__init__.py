"""The commands of ``autogen-vitals``, one file each: its arguments, its help, and where its work is done.

Each has ``add_to(commands)`` and imports what it needs when it runs: ``--help`` needs no extra, and is quick.
"""
