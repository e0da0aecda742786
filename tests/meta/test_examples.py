"""What the documents show to be copied is good as it stands, and the files they name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ghapp.offline.lint import linted

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
OURS = [ROOT / "ghapp", *(ROOT / name for name in ("benchmarks", "tests"))]


def _policies(document: str) -> list[str]:
    """Those that can be copied: `packs` alone is told of where the packs are made.

    A block that begins with `repos` is for pre-commit.
    """
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if not re.fullmatch(r"packs: .*\n|(?s:repos:.*)", block)]


PAGES = ("README.md", "README.ja.md", "docs/policy.md", "docs/ja/policy.md")


@pytest.mark.parametrize("policy", [text for name in PAGES for text in _policies(name)])
def test_a_policy_is_good_where_nothing_else_is(policy: str, tmp_path: Path) -> None:
    root = tmp_path / (".github" if "\nlocked:" in policy else "shop")
    file = root / ".github" / "nfr.yml"
    file.parent.mkdir(parents=True)
    file.write_text(policy, encoding="utf-8")
    assert linted([file]).problems == ()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_modules_it_names_are_there(document: Path) -> None:
    named = re.findall(r"(?<![\w*./])[\w./]+\.py\b", document.read_text(encoding="utf-8"))
    assert [name for name in named if not _is_there(name, document.parent)] == []


def _is_there(name: str, folder: Path) -> bool:
    """As a path from the document, the root or `ghapp`; a bare name anywhere in ours.

    What begins with a folder that is none of ours, as `src/`, is somebody else's.
    """
    if "/" not in name:
        return any(next(ours.rglob(name), None) for ours in OURS)
    first, *_ = Path(name).parts
    known = [above for above in (folder, ROOT, ROOT / "ghapp") if (above / first).is_dir()]
    return not known or any((above / name).is_file() for above in known)


def test_a_wrong_name_is_seen() -> None:
    assert not _is_there("tests/core/test_nothing.py", ROOT)
    assert not _is_there("core/nothing.py", ROOT)
    assert not _is_there("nothing.py", ROOT)
    assert _is_there("src/sample.py", ROOT)
