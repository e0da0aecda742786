"""What a process that runs for months asks of its memory."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Source: https://man7.org/linux/man-pages/man3/mallopt.3.html (malloc.h: -8)
M_ARENA_MAX = -8
# Python's own is 700 (2,000 from 3.13 on).
LOT = 5_000
TIDY_SECONDS = 60.0


def share() -> bool:
    """Have all threads take memory from one place; whether the C library knows how. Ask early.

    glibc gives each thread one of its own, which serves those who do not wait for each other:
    Python's threads do, and what is freed in one place is not used in another.
    """
    return bool(_asked("mallopt", M_ARENA_MAX, 1))


@contextmanager
def without(name: str) -> Iterator[None]:
    """Have libraries that would load this module, unless it is loaded already, go without it."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # how Python is told so
    try:
        yield
    finally:
        del sys.modules[name]


def starting() -> None:
    """Collect nothing until `settle`: what a start makes stays; to walk through it takes 0.1 s."""
    gc.disable()


def settle() -> None:
    """Packs and modules stay: a full collection need not walk through them each time.

    A pull of 300 files makes some 50,000 objects, hardly any of which is part of a circle: they are
    looked at in larger lots. Larger ones still save little, and have more lie about.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOT)
    gc.enable()


def tidy() -> bool:
    """Give back what is free, here and to the system; whether the C library knows how.

    Nothing else goes on meanwhile: some 3 ms, with a million objects in use 200.

    Python keeps up to 2,000 freed tuples of each length for the next ones, and only a full
    collection lets them go: in lots that large there is none for hours. The C library keeps what a
    burst took for good.
    """
    gc.collect()
    # Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    return bool(_asked("malloc_trim", 0))


def _asked(name: str, *arguments: int) -> int:
    """What a function of the C library answers; 0 where it has none of that name."""
    try:
        answer: int = getattr(ctypes.CDLL(None), name)(*arguments)
    except (AttributeError, OSError):
        return 0
    return answer
