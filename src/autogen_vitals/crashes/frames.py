"""Where an exception came through, without a word of what it says."""

from __future__ import annotations

from types import TracebackType

_FRAME_LIMIT = 50


def frames(traceback: TracebackType | None) -> str:
    """Files, lines and functions, the raising end last. Not the source text, which may be a prompt."""
    lines: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {traceback.tb_lineno}, in {code.co_name}')
        traceback = traceback.tb_next
    # The raising end says most.
    return "\n".join(lines[-_FRAME_LIMIT:])
