"""WHAT is wrapped: one file of rows a library, no logic. A class to cover is one row, a library one file."""
