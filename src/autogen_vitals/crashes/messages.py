"""What of an exception's message may be told: it may quote a prompt, an answer, or a key."""

from __future__ import annotations

from autogen_vitals.crashes.chain import links, read
from autogen_vitals.crashes.classify import recognise
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.crashes.redact import redact
from autogen_vitals.guard import guarded
from autogen_vitals.vocabulary import MessageMode

_KNOWN_LIMIT = 200


def told(error: BaseException, mode: MessageMode, *, in_init: bool = False) -> str:
    """What may be told of what ``error`` says; empty for nothing. Never raises.

    Args:
        error: what ended a boot, an init, a request or a run.
        mode: ``known``: what the pattern of the classifier's row matched, for only that is known to be a library's own
            words; nothing, where no pattern recognised it. Up to 200 characters. ``all``: its whole message, up to 500
            characters; of a team's error the participant's message. ``none``: nothing. All of it without secrets.
        in_init: it ended an init.
    """
    return _told(error, mode, in_init) or ""


@guarded
def _told(error: BaseException, mode: MessageMode, in_init: bool) -> str:
    if mode == "none":
        return ""
    text = redact(_whole(error)) if mode == "all" else redact(_known(error, in_init), _KNOWN_LIMIT)
    # A lone surrogate has no UTF-8: with it a whole batch of telemetry could not be sent.
    return text.encode("utf-8", "replace").decode().strip()


def _known(error: BaseException, in_init: bool) -> str:
    recognised = recognise(error, in_init=in_init)
    if recognised is None or recognised.row.message is None:
        return ""
    matched = compiled(recognised.row.message).search(recognised.link.text)
    return "" if matched is None else matched[0]


def _whole(error: BaseException) -> str:
    outermost = next(links(error))
    return read(error) if outermost.raw is None else outermost.raw
