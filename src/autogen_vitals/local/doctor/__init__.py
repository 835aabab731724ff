"""``autogen-vitals doctor``: what of the environment keeps an AutoGen service, or its telemetry, from working.

Each file has the checks of one group, each a small function of ``Surroundings``; ``examination`` lists and runs them.
No value of a variable is told, but of those that cannot be a secret; nothing of the user's is imported or run.
"""
