"""Whatever comes in at ghapp's channels, what has to hold of it holds; what was found stays mended.

`GHAPP_FUZZ_SECONDS=600 uv run pytest -m slow tests/fuzz` searches each channel for so long and
keeps what it finds in tests/fuzz/cases.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

CASES = Path(__file__).with_name("cases")
SECONDS = float(os.environ.get("GHAPP_FUZZ_SECONDS", "0"))
# By how long one input takes.
EXAMPLES = {"delivery": 300, "comment": 60, "policy": 60, "pack": 60, "diff": 60}
SEARCH = pytest.mark.slow("searches for inputs that break something")
found = sorted(path for path in CASES.glob("*/*") if path.is_file())


def test_every_channel_has_its_seeds() -> None:
    assert TARGETS.keys() == EXAMPLES.keys()
    assert all(seeds(target) for target in TARGETS)


@pytest.mark.parametrize("case", found, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_stays_mended(case: Path) -> None:
    TARGETS[case.parent.name](case.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_good_passes(target: str) -> None:
    for seed in seeds(target)[:: max(1, len(seeds(target)) // 40)]:
        TARGETS[target](seed)


@SEARCH
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_nearly_good_is_taken_or_refused(target: str) -> None:
    @settings(
        max_examples=EXAMPLES[target],
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.sampled_from(range(len(seeds(target)))), st.integers(0, 2**32))
    def spoiled(at: int, chance: int) -> None:
        _try(target, mutated(target, seeds(target)[at], Random(chance)))

    spoiled()


@SEARCH
@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_are_taken_or_refused(target: str) -> None:
    @settings(max_examples=EXAMPLES[target] // 2)
    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    def tried(data: bytes) -> None:
        TARGETS[target](data)

    tried()


@SEARCH
@pytest.mark.parametrize("target", TARGETS)
def test_for_as_long_as_asked_nothing_is_found(target: str) -> None:
    # The same tries each time, unless somebody asks for a while of new ones.
    chance, grown, tries = Random() if SECONDS else Random(1), list(seeds(target)), 0
    end = time.monotonic() + SECONDS
    while tries < EXAMPLES[target] // 4 or time.monotonic() < end:
        data = mutated(target, chance.choice(grown), chance)
        _try(target, data)
        tries += 1
        if tries % 50 == 0 and len(data) < 100_000:
            grown.append(data)  # so that changes add up


def _try(target: str, data: bytes) -> None:
    """As the target, and what fails is kept."""
    try:
        TARGETS[target](data)
    except BaseException:
        if SECONDS:
            folder = CASES / target
            folder.mkdir(parents=True, exist_ok=True)
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        raise
