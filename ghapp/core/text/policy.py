"""What the policy in force is and where it comes from, and what a lock refuses."""

from __future__ import annotations

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, folded
from ghapp.core.policy.policy import Origin, Policy
from ghapp.core.policy.settings import set_by_files

MOST_SETTINGS = 100
MOST_REFUSED = 20


def refused(policy: Policy, words: Words) -> str:
    """What the repository's file says against a lock of its organisation; "" if nothing."""
    if not policy.refused:
        return ""
    lines = [f"- {code(str(problem), 400)}" for problem in policy.refused[:MOST_REFUSED]]
    return "\n".join([words("policy_refused"), "", *lines])


def in_force(policy: Policy, words: Words) -> str:
    """The values that files set, folded; "" if none does."""
    found = set_by_files(policy)
    if not found:
        return ""
    lines = [
        "- "
        + words(
            "setting",
            key=code(one.key),
            value=code(one.value),
            origin=origin(one.origin, words),
        )
        for one in found[:MOST_SETTINGS]
    ]
    if left := len(found[MOST_SETTINGS:]):
        lines.append(f"- {words('and_more', count=left)}")
    return "\n".join(folded(words("policy_in_force", count=len(found)), lines))


def origin(origin: Origin, words: Words) -> str:
    """The layer of a value, and the line in its file."""
    return words(f"origin_{origin.layer}", line=origin.line)
