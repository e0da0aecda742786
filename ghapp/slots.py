"""The slots of a worker: how many runs there are at a time, and of one installation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ghapp.core.model import InstallationKey, Key

# So many runs at a time, and of one installation at most this share of them. Where all calls for it
# hang, its runs keep their slots for as long as GitHub's timeouts take, and a slot cannot be taken
# back: so some are kept for whoever comes next, also while nobody else has anything to do. A run
# mostly waits for GitHub, so that a free slot costs next to nothing: there are four more, rather
# than four fewer for an installation that is alone.
CONCURRENCY, SHARE = 20, 0.8


@dataclass(frozen=True, slots=True)
class Free:
    """What can be run beside the runs.

    count: so many keys, whosever they are, and no installation comes above its share.
    full: the installations that have it already, and are not meant by that.
    """

    count: int
    full: tuple[int, ...] = ()


def free(running: Iterable[Key], concurrency: int) -> Free:
    """Of so many slots, beside the runs of these keys. From 2 on nobody ever has all of them."""
    counts = Counter(map(_installation, running))
    share = max(1, int(concurrency * SHARE))
    most = max((count for count in counts.values() if count < share), default=0)
    full = tuple(id for id, count in counts.items() if count >= share)
    return Free(min(concurrency - counts.total(), share - most), full)


def _installation(key: Key) -> int:
    return (
        key.installation_id if isinstance(key, InstallationKey) else key.repository.installation_id
    )
