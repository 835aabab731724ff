"""What an exception means, and what of its message may be told.

Sees exceptions only. Knows every library by the names of its classes and by what it says: imports none.
"""
