"""AG701 only-multi-worker-fails."""

from __future__ import annotations

from autogen_vitals.findings.rule import Rule


class OnlyMultiWorkerFails(Rule):
    """An app fails with several workers, each time that it is started, and never with one.

    No process can know that; ``autogen-vitals compare`` finds it, which starts the app in both ways.
    """

    id = "AG701"
    name = "only-multi-worker-fails"
    severity = "error"
    remedy = "share nothing that keeps state: not across a fork, nor among requests, nor in one folder"


RULE = OnlyMultiWorkerFails
