"""The folder that ``autogen-vitals run`` puts on ``PYTHONPATH``: its ``sitecustomize`` is all that is in it."""
