"""docs/operations.md describes the columns that `ghapp export` writes."""

from __future__ import annotations

import re

from ghapp.core.ledger import Verb
from ghapp.core.model import Channel
from ghapp.core.review.review import PullState
from ghapp.export import COLUMNS
from tests.meta.test_operations import OPERATIONS

_SECTION = OPERATIONS.split("## Export for an audit\n")[1].split("\n## ")[0]
ROWS = dict(re.findall(r"^\| (`[a-z_`, ]+) \| (.+) \|$", _SECTION, re.MULTILINE))


def test_every_column_is_described_in_its_order() -> None:
    described = [name for cell in ROWS for name in re.findall(r"`(\w+)`", cell)]
    assert described == ["entry", "follow_up", "review", *COLUMNS]


def test_the_values_that_are_listed_are_those_of_the_code() -> None:
    listed = {cell: set(re.findall(r"`(\w+)`", text)) for cell, text in ROWS.items()}
    assert listed["`channel`"] == set(Channel)
    assert listed["`verb`"] < set(Verb)
    assert listed["`state`"] == {*PullState, "open", "closed"}
