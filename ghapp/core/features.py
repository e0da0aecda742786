"""A pull and the policy's rules -> whether it is a new feature."""

from __future__ import annotations

from ghapp.core.matching import globs, regexes
from ghapp.core.model import Pull
from ghapp.core.policies.policy import Features


def is_feature(pull: Pull, features: Features) -> bool:
    """Whether any rule of `features` holds for the pull, whose files are those that count."""
    labels = {label.casefold() for label in pull.labels}
    return (
        any(label.casefold() in labels for label in features.labels)
        or bool(regexes.first(features.titles, pull.title))
        or bool(globs.matches(features.branches, pull.head_ref))
        or 0 < features.added_lines <= sum(file.additions for file in pull.files)
    )
