"""What the C library and the collector are asked for holds."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Threads that allocate at the same time; glibc tells of each place they take from.
STORY = """
import ctypes, threading
from ghapp import heap
asked = {asked}
if asked and not heap.share():
    raise SystemExit(77)
both = threading.Barrier(4)
def work():
    both.wait()
    for _ in range(200):
        blocks = [bytes(1000 + size) for size in range(200)]
    both.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
ctypes.CDLL(None).malloc_stats()
"""


def places(*, asked: bool) -> int:
    command = [sys.executable, "-c", STORY.format(asked=asked)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 77 or "malloc_stats" in ended.stderr:
        pytest.skip("the C library is not glibc")
    assert ended.returncode == 0, ended.stderr
    return ended.stderr.count("Arena ")


def test_all_threads_take_from_one_place() -> None:
    assert places(asked=True) == 1
    assert places(asked=False) > 1
