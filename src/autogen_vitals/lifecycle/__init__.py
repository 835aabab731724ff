"""WHEN and WHERE: process facts, phase, request scope, construction sites, births; calls become Observations.

This room knows nothing about OpenTelemetry. What it finds out, it tells a ``Sink``.
"""
