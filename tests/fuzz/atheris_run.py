"""A target under atheris: `uv run --with atheris python -m tests.fuzz.atheris_NAME [OPTIONS]`.

The options are libFuzzer's, as -max_total_time=60. What it finds lands in tests/fuzz/cases, where
the tests replay it. Source: https://github.com/google/atheris
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random

MOST_BYTES = {"comment": 9_000}  # beyond 8,192 nothing is looked at
CASES = Path(__file__).with_name("cases")


def run(target: str) -> None:
    """Fuzz it until told to stop, from its seeds. A folder among the arguments keeps the corpus."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["ghapp"]):
        from tests.fuzz.mutation import mutated
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS

    def mutator(data: bytes, most_bytes: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.3:
            changed: bytes = atheris.Mutate(data, most_bytes)
            return changed
        return mutated(target, bytes(data), random)[:most_bytes]

    folders = [word for word in sys.argv[1:] if not word.startswith("-")]
    found = CASES / target
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folders[0] if folders else folder)
        for number, seed in enumerate(seeds(target)):
            (corpus / f"seed-{number:03}").write_bytes(seed)
        options = [word for word in sys.argv[1:] if word.startswith("-")]
        most = MOST_BYTES.get(target, 20_000)
        asked = [
            f"-artifact_prefix={found}/",
            "-timeout=30",
            f"-max_len={most}",
            *options,
        ]
        atheris.Setup([sys.argv[0], *asked, str(corpus)], TARGETS[target], custom_mutator=mutator)
        atheris.Fuzz()
