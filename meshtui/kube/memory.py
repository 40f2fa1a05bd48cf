"""Memory: what the C library is told, so that memory that was let go goes back to the system.

glibc maps a large piece of memory for itself and unmaps it when it is freed; but having seen one freed it takes the
next ones out of its heap, where they leave holes (mallopt(3), M_MMAP_THRESHOLD). Dumps of 9 MB are such pieces.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc
_LARGE = 256 * 1024


def map_large_pieces() -> None:
    """Large pieces are mapped for themselves from now on, however many were freed; nothing where there is no glibc."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Gives back what is free within the heap; nothing where there is no glibc."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
