"""What a key of a policy says about itself."""

from __future__ import annotations

from typing import Any

from ghapp.core.policy.fields import Part, key, since


class Example(Part):
    first: Any = key("The first.", 1)
    later: Any = key("A later one.", 1, since="0.2.0")
    plain: Any = None


def test_a_key_is_as_old_as_the_format_unless_it_says_otherwise() -> None:
    fields = Example.model_fields
    assert [since(fields[name]) for name in ("first", "later", "plain")] == [
        "0.1.0", "0.2.0", "0.1.0",
    ]  # fmt: skip
