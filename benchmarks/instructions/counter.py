"""Tells callgrind, from inside the process that it runs, what to count.

By its client requests: an instruction sequence that does nothing on a processor and that valgrind looks for. Counting
everything from the start of the process on would do without them, but it takes twenty times as long to import AutoGen
with it, and no operation is concerned. Here for x86-64, of which the baseline is; without valgrind nothing happens.
"""

from __future__ import annotations

import ctypes
import mmap

# mov rax, rdi; mov rdx, rsi; rol rdi, 3, 13, 61, 51; xchg rbx, rbx; mov rax, rdx; ret: see valgrind/valgrind.h.
_REQUEST = bytes.fromhex("4889f8 4889f2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")
_RUNNING_ON_VALGRIND = 0x1001
_CALLGRIND = ord("C") << 24 | ord("T") << 16
_ZERO_STATS, _DUMP_STATS_AT, _START_INSTRUMENTATION = _CALLGRIND + 1, _CALLGRIND + 3, _CALLGRIND + 4

_Arguments = ctypes.c_size_t * 6


class Counter:
    """Counts instructions from ``begin`` to ``end``. One a process.

    Raises:
        RuntimeError: valgrind does not run this process.
    """

    def __init__(self) -> None:
        self._code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._code.write(_REQUEST)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._code))
        self._call = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)(address)
        if not self._request(_RUNNING_ON_VALGRIND):
            raise RuntimeError("not run by valgrind")
        self._request(_START_INSTRUMENTATION)

    def _request(self, code: int, argument: int = 0) -> int:
        arguments = _Arguments(code, argument)
        return self._call(ctypes.addressof(arguments), 0)

    def begin(self, name: str) -> None:
        """Count from here; what is counted will have this name."""
        # Here, for it takes a hundred thousand instructions to make a type for a text of a length that is new.
        self._name = ctypes.create_string_buffer(name.encode())
        self._request(_ZERO_STATS)

    def end(self) -> None:
        """Have callgrind write down what it has counted."""
        self._request(_DUMP_STATS_AT, ctypes.addressof(self._name))
