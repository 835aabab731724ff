"""``autogen-vitals check``: what a start takes, measured in fresh processes and held against budgets and a baseline.

``measure`` runs in each of these processes, the rest in the one that was asked.
"""
