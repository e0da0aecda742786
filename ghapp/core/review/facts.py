"""What is known when a pull request is judged: read fresh, all of one head. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ghapp.core.marks import Marks, Written
from ghapp.core.model import Message, Pull, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, Membership, PolicySource, Project, Shown
from ghapp.core.releases import Release


@dataclass(frozen=True, slots=True)
class Facts:
    """The outcome of `gather`.

    messages: to be judged now, oldest first: those of deliveries and of label events read.
    rights: by speaker; every speaker of a privileged message is in it.
    observed: our marks as they are: from our own record, or read back from GitHub.
    late_labels: those of ghapp's labels that differ from our record, while GitHub lists no event
    yet that shows who changed them. They are neither judged nor restored for now, so `observed` has
    them as recorded. late_since: when the first of them was seen; None if there are none.
    found_at: when GitHub accepted our check run, if it was read back from this head; else None.
    earlier: what was shown but not recorded, as read back, oldest first.
    follow_ups: those of this pull, as recorded or read back.
    details: the address of the page of ghapp about it; "" if it is not to be named.
    releases: of the calendar that the policy names, the next one first.
    membership, project: of the pull. on_issue: this is a project itself, which is judged as a pull
    without a diff.
    """

    now: datetime
    pull: Pull
    policy: Policy
    source: PolicySource
    messages: tuple[Message, ...] = ()
    rights: Mapping[str, Rights] = field(default_factory=dict)
    observed: Marks = Marks()
    late_labels: frozenset[str] = frozenset()
    late_since: datetime | None = None
    written: Written = Written()
    found_at: datetime | None = None
    earlier: tuple[Shown, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    details: str = ""
    releases: tuple[Release, ...] = ()
    membership: Membership | None = None
    project: Project | None = None
    on_issue: bool = False
