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


# Tuples made from what does not tell its length are shortened: freed, they are of another length.
LISTS = """
import gc, sys
from ghapp import heap
heap.settle()
before = sys.getallocatedblocks()
for length in range(2, 9):
    for _ in range(300):
        kept = [tuple(None for _ in range(length)) for _ in range(7)]
    del kept
freed = sys.getallocatedblocks() - before
heap.tidy()
print(freed, sys.getallocatedblocks() - before)
"""
PAGES = """
import sys
from ghapp import heap
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
blocks = [bytes(5_000) for _ in range(4_000)]
del blocks[::2], blocks[1_000:-1]  # the last one keeps the C library from shrinking by itself
before = resident()
if not heap.tidy():
    raise SystemExit(77)
print(before - resident())
"""


def told(story: str) -> list[int]:
    command = [sys.executable, "-c", story]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 77 or not sys.platform.startswith("linux"):
        pytest.skip("the C library is not glibc")
    assert ended.returncode == 0, ended.stderr
    return [int(word) for word in ended.stdout.split()]


def test_tidying_lets_go_of_what_python_keeps_for_reuse() -> None:
    kept, left = told(LISTS)
    assert kept > 5_000
    assert left < 1_000


def test_tidying_gives_free_pages_back_to_the_system() -> None:
    (given,) = told(PAGES)
    assert given > 5_000_000


def test_what_a_start_held_back_is_collected_once_it_is_over() -> None:
    story = """
import gc
from ghapp import heap
heap.starting()
held = gc.isenabled()
heap.settle()
print(int(held), int(gc.isenabled()))
"""
    assert told(story) == [0, 1]
