"""HOW things are wrapped: constructors, calls, streams; applied when the target is imported, undone exactly.

This room knows nothing about AutoGen and nothing about OpenTelemetry. What it sees, it tells a ``Watch``.
"""
