"""The slots of a worker: how many runs there are at a time, and of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ghapp.core.memory import NOBODY, Full
from ghapp.core.model import InstallationKey, Key

# So many runs at a time, at most this share of them of one installation, and of one repository.
# Where all calls for it hang, its runs keep their slots for as long as GitHub's timeouts take, and
# a slot cannot be taken back: so some are kept for whoever comes next, also while nobody else has
# anything to do. A run mostly waits for GitHub, so that a free slot costs next to nothing.
CONCURRENCY, SHARE, REPOSITORY_SHARE = 20, 0.8, 0.5


@dataclass(frozen=True, slots=True)
class Free:
    """What can be run beside the runs.

    count: so many keys, whosever they are, and nobody comes above their share.
    full: who has it already, and is not meant by that.
    """

    count: int
    full: Full = NOBODY


def free(running: Iterable[Key], concurrency: int) -> Free:
    """Of so many slots, beside the runs of these keys. From 2 on nobody ever has all of them."""
    keys = tuple(running)
    owners = (_installation(key) for key in keys)
    places = (key.repository.id for key in keys if not isinstance(key, InstallationKey))
    of_one, installations = _left(Counter(owners), int(concurrency * SHARE))
    in_one, repositories = _left(Counter(places), int(concurrency * REPOSITORY_SHARE))
    count = min(concurrency - len(keys), of_one, in_one)
    return Free(count, Full(installations, repositories))


def _left(counts: Counter[int], share: int) -> tuple[int, tuple[int, ...]]:
    """How many more whoever has the most, and is not full, may have; and who is full."""
    share = max(1, share)
    most = max((count for count in counts.values() if count < share), default=0)
    return share - most, tuple(id for id, count in counts.items() if count >= share)


def _installation(key: Key) -> int:
    return (
        key.installation_id if isinstance(key, InstallationKey) else key.repository.installation_id
    )
