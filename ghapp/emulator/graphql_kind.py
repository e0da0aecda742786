"""A type of GitHub's GraphQL schema, as far as it is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Answers = Callable[..., Any]  # is given the shapes, the value, and the arguments by name


@dataclass(frozen=True, slots=True)
class Kind:
    """An object or an interface. fields: name to the type it has ("" a scalar) and its answer.

    arguments: field to the types of what it may be given, which its answer is given by name.
    needs: field to the permission that it takes to read.
    """

    fields: Mapping[str, tuple[str, Answers]]
    implements: frozenset[str] = frozenset()
    arguments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
