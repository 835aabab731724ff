"""The bytes of an exit record: where what stands, and how it is read back.

Whoever writes may be killed in the middle of a write. So each area ends with a checksum, and one that does not fit
reads as absent. What must never be absent, the identity and the life, has two areas that are written in turn.
"""

from __future__ import annotations

import binascii
import json
import os
import struct
from collections.abc import Iterator
from typing import get_args

from autogen_vitals.crashes.reports import Flight, Identity, LastWords
from autogen_vitals.records import replace, values_of
from autogen_vitals.vocabulary import Category, LifeState, Phase, ServerKind

PHASES: tuple[Phase, ...] = get_args(Phase)
STATES: tuple[LifeState, ...] = get_args(LifeState)
CATEGORIES: tuple[Category, ...] = get_args(Category)
NO_CATEGORY = 255

SIZE = 16_384
SLOT_COUNT = 64

IN_FLIGHT, INTERRUPTED = 1, 2
USES_AUTOGEN, SUPERVISES, FATAL, SERVED = 1, 2, 4, 8

_CHECKSUM_SIZE = 4
_HEADER = struct.Struct("<8sII")
LIFE = struct.Struct("<IBBBQ96s")
"""Sequence number, state, flags, category, heartbeat, type of the last error."""
_IDENTITY = struct.Struct("<IHQ")
SLOT = struct.Struct("<BBxx16sQQQ80s")
"""Flags, phase, trace id, span id, begin, heartbeat, operation."""

_IDENTITY_SIZE = 3584
LIFE_AREAS = tuple(slice(begin, begin + LIFE.size + _CHECKSUM_SIZE) for begin in (256, 512))
IDENTITY_AREAS = tuple(slice(begin, begin + _IDENTITY_SIZE) for begin in (1024, 1024 + _IDENTITY_SIZE))
_SLOT_SIZE = SLOT.size + _CHECKSUM_SIZE
SLOTS = tuple(slice(begin, begin + _SLOT_SIZE) for begin in range(SIZE - SLOT_COUNT * _SLOT_SIZE, SIZE, _SLOT_SIZE))

# Words are written as their places in these: one that moves makes it another format.
_FORMAT = binascii.crc32(repr((1, PHASES, STATES, CATEGORIES, get_args(ServerKind))).encode())


def sealed(body: bytes) -> bytes:
    """``body`` and its checksum."""
    return body + binascii.crc32(body).to_bytes(_CHECKSUM_SIZE, "little")


def _unsealed(area: bytes) -> bytes | None:
    body, checksum = area[:-_CHECKSUM_SIZE], area[-_CHECKSUM_SIZE:]
    return body if binascii.crc32(body).to_bytes(_CHECKSUM_SIZE, "little") == checksum else None


def blank() -> bytearray:
    """A whole record that has only its header."""
    content = bytearray(SIZE)
    header = sealed(_HEADER.pack(b"agvitals", _FORMAT, SIZE))
    content[: len(header)] = header
    return content


def identity_area(identity: Identity, sequence: int, heartbeat_ns: int) -> bytes:
    """As much of ``identity`` as there is room for: at last neither versions nor service."""
    room = _IDENTITY_SIZE - _IDENTITY.size - _CHECKSUM_SIZE
    text = b""
    for fitting in (identity, replace(identity, versions={}), replace(identity, versions={}, service={})):
        text = json.dumps(values_of(fitting), separators=(",", ":")).encode()
        if len(text) <= room:
            break
    return sealed(_IDENTITY.pack(sequence, len(text), heartbeat_ns) + text.ljust(room, b"\0"))


# --- reading --------------------------------------------------------------------------------------------------------


def read(record: int | bytes) -> LastWords | None:
    """What a record says; ``None`` for what is no record, or none of this format.

    Args:
        record: its bytes, or the descriptor of its file.

    Raises:
        OSError: the file cannot be read.
    """
    content = record if isinstance(record, bytes) else os.pread(record, SIZE + 1, 0)
    header = _HEADER.pack(b"agvitals", _FORMAT, SIZE)
    if len(content) != SIZE or content[: _HEADER.size + _CHECKSUM_SIZE] != sealed(header):
        return None
    try:
        return _last_words(content)
    except (ValueError, LookupError, TypeError, AttributeError):
        # The checksums fit, the contents do not: somebody else wrote them.
        return None


def _last_words(content: bytes) -> LastWords | None:
    identity_body, life_body = _newest(content, IDENTITY_AREAS), _newest(content, LIFE_AREAS)
    if identity_body is None or life_body is None:
        return None
    _, length, identified_ns = _IDENTITY.unpack_from(identity_body)
    _, state, flags, category, noted_ns, error_type = LIFE.unpack(life_body)
    heartbeats, flights = [identified_ns, noted_ns], list[Flight]()
    for heartbeat_ns, flight in _slots(content):
        heartbeats.append(heartbeat_ns)
        if flight is not None:
            flights.append(flight)
    return LastWords(
        identity=_identity(identity_body[_IDENTITY.size : _IDENTITY.size + length]),
        state=STATES[state],
        heartbeat_ns=max(heartbeats),
        flights=tuple(sorted(flights, key=lambda flight: flight.began_ns)),
        uses_autogen=bool(flags & USES_AUTOGEN),
        supervises=bool(flags & SUPERVISES),
        error_type=_text(error_type),
        category=None if category == NO_CATEGORY else CATEGORIES[category],
        fatal=bool(flags & FATAL),
        served=bool(flags & SERVED),
    )


def _newest(content: bytes, areas: tuple[slice, ...]) -> bytes | None:
    bodies = [body for area in areas if (body := _unsealed(content[area])) is not None]
    # Each begins with its sequence number.
    return max(bodies, key=lambda body: int.from_bytes(body[:4], "little"), default=None)


def _slots(content: bytes) -> Iterator[tuple[int, Flight | None]]:
    """For each slot that was ever used its last heartbeat, and what is in flight there."""
    for area in SLOTS:
        body = _unsealed(content[area])
        if body is None:
            continue
        flags, phase, trace_id, span_id, began_ns, heartbeat_ns, operation = SLOT.unpack(body)
        if not flags & IN_FLIGHT:
            yield heartbeat_ns, None
            continue
        yield (
            heartbeat_ns,
            Flight(
                operation=_text(operation),
                phase=PHASES[phase],
                trace_id=int.from_bytes(trace_id, "big"),
                span_id=span_id,
                began_ns=began_ns,
                interrupted=bool(flags & INTERRUPTED),
            ),
        )


def _text(padded: bytes) -> str:
    """Up to the padding; a character that was cut through at the end is left out."""
    return padded.rstrip(b"\0").decode(errors="ignore")


def _identity(text: bytes) -> Identity:
    fields = json.loads(text)
    numbers = ("pid", "parent_pid", "start_ticks", "parent_start_ticks", "created_ns")
    return Identity(
        uid=str(fields["uid"]),
        pid_namespace=str(fields["pid_namespace"]),
        server=fields["server"],
        service={str(name): str(value) for name, value in fields["service"].items()},
        versions={str(name): str(value) for name, value in fields["versions"].items()},
        **{name: int(fields[name]) for name in numbers},
    )
