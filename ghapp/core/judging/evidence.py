"""What an item wants to see, by its kind -> the evidence as it is kept, or why it is none."""

from __future__ import annotations

import re
import unicodedata

from ghapp.core.areas import Item
from ghapp.core.judging.bench import Refusal

# An address with a host and nobody's name before it, which could pass for the host.
_URL = re.compile(
    r"https?://(?:\w(?:[\w.-]*\w)?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_NUMBER = re.compile(r"(?:[<>=~≈≤≥≦≧]=?\s*)?[+-]?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
# Shown as the right way; a choice's are its own.
_EXAMPLES = {"url": "https://example.com/report", "number": "72 ms", "text": ""}


def accepted(item: Item, note: str) -> str | Refusal:
    """The evidence as the ledger keeps it: a choice as its item spells it, all else as said."""
    if not item.kind:
        return note
    if not note:
        return _refusal(item, "missing")
    if item.kind == "choice":
        choices = {_folded(one): one for one in item.choices}
        return choices.get(_folded(note)) or _refusal(item, item.kind)
    fits = {"url": _has_address, "number": _begins_with_number}.get(item.kind, bool)(note)
    return note if fits else _refusal(item, item.kind)


def _refusal(item: Item, reason: str) -> Refusal:
    example = _EXAMPLES.get(item.kind, " | ".join(item.choices))
    return Refusal(f"evidence_{reason}", f"{item.id} {example}")


def _has_address(note: str) -> bool:
    """Words may stand beside it, as those of a link do."""
    return any(_URL.fullmatch(word.strip("<>()[]（）「」、。,.")) for word in note.split())


def _begins_with_number(note: str) -> bool:
    return _NUMBER.match(unicodedata.normalize("NFKC", note).lstrip()) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
