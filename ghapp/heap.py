"""What a process that runs for months asks of its memory."""

from __future__ import annotations

import ctypes
import gc

# Source: https://man7.org/linux/man-pages/man3/mallopt.3.html (malloc.h: -8)
M_ARENA_MAX = -8
# Python's own is 700 (2,000 from 3.13 on).
LOT = 5_000


def share() -> bool:
    """Have all threads take memory from one place; whether the C library knows how. Ask early.

    glibc gives each thread one of its own, which serves those who do not wait for each other:
    Python's threads do, and what is freed in one place is not used in another.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1))
    except (AttributeError, OSError):  # another C library
        return False


def settle() -> None:
    """Packs and modules stay: a full collection need not walk through them each time.

    A pull of 300 files makes some 50,000 objects, hardly any of which is part of a circle: they are
    looked at in larger lots. Larger ones still save little, and have more lie about.
    """
    gc.freeze()
    gc.set_threshold(LOT)
