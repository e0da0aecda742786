"""The syntax of a condition on a whole pull request, and who decides whether it holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.areas import AtLeast, Clause, Combined, Leaf, ModeRule, When, holds, leaves
from ghapp.core.policy.fields import (
    Count,
    Globs,
    Listed,
    Login,
    Mode,
    Most,
    Names,
    Part,
    Regexes,
    Some,
    SomeText,
    Team,
    either,
    key,
    refused_first,
    required,
)

# Everything else is in the hands of whoever opens a pull request, or may set labels on it.
TRUSTED = ("base", "author", "team", "topic", "property")


class BoundsPart(Part):
    """Thresholds over the whole pull; reaching one of them is enough."""

    changed_files_gte: Count | None = key("At least so many files changed.", 50)
    added_lines_gte: Count | None = key("At least so many lines were added.", 1000)

    needs: ClassVar[tuple[str, ...]] = ("changed_files_gte", "added_lines_gte")


Values = Annotated[
    tuple[SomeText, ...],
    Most,
    Listed,
    Some,
    refused_first(lambda value: isinstance(value, int | float), "should be text: put it in quotes"),
]


class PullWhenPart(Part):
    """A condition on the pull request. All keys must hold; a key with several values needs one."""

    any: Annotated[tuple[PullWhenPart, ...], Most, Some] | None = key(
        "One of these conditions holds.", [{"base": "main"}, {"label": "ranking"}]
    )
    all: Annotated[tuple[PullWhenPart, ...], Most, Some] | None = key(
        "All of these conditions hold.", [{"base": "main"}, {"label": "ranking"}]
    )
    not_: PullWhenPart | None = key(
        "This condition does not hold.", {"label": "experiment"}, alias="not"
    )
    title: Regexes | None = key("RE2: the pull request's title matches.", "(?i)ranking")
    label: Names | None = key("The pull request has the label.", "ranking")
    base: Globs | None = key(
        "Globs: the branch that it is to be merged into matches.", ["main", "release/**"]
    )
    branch: Globs | None = key("Globs: the branch that it comes from matches.", "hotfix/**")
    author: Annotated[tuple[Login, ...], Most, Listed, Some] | None = key(
        "Its author has this login.", "ann-lee"
    )
    team: Annotated[tuple[Team, ...], Most, Listed, Some] | None = key(
        "Its author is a member of the team, given by its slug.", "contractors"
    )
    draft: StrictBool | None = key("Whether it is a draft.", True)
    size: BoundsPart | None = key(
        "The pull request is at least so large.", {"added_lines_gte": 400}
    )
    adds: Globs | None = key("Globs: a file that it adds matches.", "**/Dockerfile")
    deletes: Globs | None = key("Globs: a file that it deletes matches.", "db/**")
    renames: Globs | None = key(
        "Globs: a file that it renames or moves matches, by its old or its new path.", "api/**"
    )
    topic: Names | None = key("The repository has the topic.", "payments")
    property: Annotated[dict[SomeText, Values], Most, Some] | None = key(
        "Custom properties of the repository have these values.", {"tier": ["1", "2"]}
    )

    @model_validator(mode="after")
    def is_not_empty(self) -> Self:
        if self.model_fields_set - self.beside:
            return self
        raise PydanticCustomError("empty", "{text}", {"text": self.if_empty})

    beside: ClassVar[frozenset[str]] = frozenset()  # keys that are no conditions
    if_empty: ClassVar[str] = "should not be empty: leave it out if it is to hold always"


class ModeWhenPart(PullWhenPart):
    """A mode, and the condition on the pull request under which it applies."""

    mode: Mode = required("The mode of pull requests for which the condition holds.", "enforce")

    beside = frozenset({"mode"})
    if_empty = "should have a condition beside `mode`: write `mode` alone as a key of its own"


ModeRules = Annotated[tuple[ModeWhenPart, ...], Field(max_length=50), Some]

CLAUSES = (
    *("title", "label", "base", "branch", "author", "team"),
    *("adds", "deletes", "renames", "topic"),
)
KINDS = frozenset({*CLAUSES, "draft", "property"})


def parts(part: PullWhenPart) -> list[When]:
    """The conditions on the pull request of one mapping, without `any`, `all` and `not`."""
    found: list[When] = [
        Clause(kind, values) for kind in CLAUSES if (values := getattr(part, kind))
    ]
    if part.draft is not None:
        found.append(Clause("draft", (str(part.draft).lower(),)))
    for name, values in (part.property or {}).items():
        found.append(Clause("property", tuple(f"{name}: {value}" for value in values)))
    if part.size:
        bounds = {
            "pull_files_gte": part.size.changed_files_gte,
            "pull_added_gte": part.size.added_lines_gte,
        }
        of = tuple(AtLeast(kind, count) for kind, count in bounds.items() if count)
        found.append(Combined("any", of))
    return found


def joined(found: Sequence[When]) -> When:
    """Conditions that all must hold, as one."""
    return found[0] if len(found) == 1 else Combined("all", tuple(found))


def condition(part: PullWhenPart) -> When:
    """The mapping as one condition: its keys joined by "all" if there are several."""
    below = {"any": part.any, "all": part.all, "not": (part.not_,) if part.not_ else None}
    combined: list[When] = [
        Combined(how, tuple(map(condition, inner))) for how, inner in below.items() if inner
    ]
    return joined([*combined, *parts(part)])


def rules(part: Sequence[ModeWhenPart] | None) -> tuple[ModeRule, ...]:
    """The rules in their order."""
    return tuple(ModeRule(condition(one), one.mode) for one in part or ())


def up_to_the_author(when: When) -> str:
    """The kinds of conditions by which any author can make the whole condition hold, in words.

    "" if it takes something that authors do not decide, such as the base branch or a team.
    """

    def leaf(one: Leaf, unknown: bool) -> bool:
        """The author has it as the whole needs it; what they do not decide is against them."""
        return not unknown if _kind(one) in TRUSTED else unknown

    if not holds(when, leaf):
        return ""
    own = sorted({kind for one in leaves(when) if (kind := _kind(one)) not in TRUSTED})
    return either(own)


def _kind(one: Leaf) -> str:
    """The key of a condition on the pull request."""
    return one.kind if isinstance(one, Clause) else "size"


def loosened(ruled: Sequence[ModeRule], otherwise: Collection[str]) -> Iterator[tuple[int, str]]:
    """The rules by which any author may avoid `enforce`, by their places, with what is wrong.

    otherwise: the modes that may apply if no rule holds.
    """
    for place, rule in enumerate(ruled):
        rest = {*(one.mode for one in ruled[place + 1 :]), *otherwise}
        if rule.mode != "enforce" and "enforce" in rest and (by := up_to_the_author(rule.when)):
            yield place, avoids(by)


def avoids(by: str) -> str:
    """What is wrong with a rule or condition that `up_to_the_author` finds, and what to do."""
    remedy = f"require {either(TRUSTED)}, alone or in addition"
    return f"lets authors avoid `enforce` by {by}, which they decide themselves: {remedy}"
