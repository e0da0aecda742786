"""A pull and a policy -> all that the diff tells: the areas it touches, and suspicious lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ghapp.core.detection.hazards import Suspicion, suspected
from ghapp.core.detection.look import Seen, look
from ghapp.core.detection.rulebook import rulebook
from ghapp.core.detection.triggers import Touch, partly, touches, unread
from ghapp.core.matching.diff import Change
from ghapp.core.model import File, Pull
from ghapp.core.policies.policy import Policy


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at the diff tells.

    pull: with the files that count. touched: by area id, why and where. suspicion: lines that
    hazards point at, some to be settled by whole files. unread, partly: as in Checklist.
    ignored: the author whom the policy leaves out; then nothing was looked at.
    """

    pull: Pull
    touched: Mapping[str, Touch] = field(default_factory=dict)
    suspicion: Suspicion = Suspicion()
    seen: tuple[Seen, ...] = ()
    unread: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    ignored: str = ""

    @property
    def changes(self) -> Mapping[str, Change]:
        """All files of the pull by their path, also those that do not count."""
        return {one.change.file.path: one.change for one in self.seen}

    @property
    def files(self) -> int:
        """How many files the pull was read with, also those that do not count."""
        return max(len(self.seen), len(self.pull.files))

    @property
    def wanted(self) -> tuple[File, ...]:
        """Files whose whole new version decides about a suspect, and is not in the diff."""
        return self.suspicion.wanted


def _unmarked(pull: Pull, policy: Policy) -> Pull:
    """The pull without labels of ours: what we show must not decide what we show."""
    ours = {name.casefold() for name in policy.labels.values()}
    return replace(
        pull, labels=frozenset(name for name in pull.labels if name.casefold() not in ours)
    )


def scan(pull: Pull, policy: Policy, only_author_pushed: bool = True) -> Scan:
    """One pass over the diff.

    only_author_pushed: whether every head of the pull was pushed by its author; only then does
    an author whom the policy ignores count as ignored.
    """
    authors = {name.casefold() for name in policy.ignore_authors}
    if only_author_pushed and pull.author.casefold() in authors:
        return Scan(pull, ignored=pull.author)
    pull = _unmarked(pull, policy)
    book = rulebook(policy.areas, policy.ignore_paths, policy.dialect)
    everything = look(book, pull.files)
    seen = tuple([one for one in everything if not one.ignored])
    suspicion = suspected(book, everything)
    counting = replace(pull, files=tuple([one.change.file for one in seen]))
    return Scan(
        pull=counting,
        touched=touches(policy.areas, counting, seen),
        suspicion=suspicion,
        seen=everything,
        unread=tuple(sorted({*unread(policy.areas, seen), *suspicion.crowded})),
        partly=partly(everything),
    )
