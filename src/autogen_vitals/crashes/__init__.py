"""What an exception means, what of its message may be told, and what a process leaves behind for when it is killed.

Knows every library by the names of its classes and by what it says: imports none. Sees exceptions, files and exit
statuses; when any of that happens is the business of ``lifecycle``.
"""
