"""Rules that are asked only when something has failed or died, one a file: else they are not even imported."""
