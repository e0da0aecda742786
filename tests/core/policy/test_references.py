import pytest

from ghapp.core.policy.packs import Listed, read_references

BUILTIN = {"pci-dss": ("PCI DSS", "https://pci.example/dss")}
RUNBOOK = "runbook: [Runbooks, 'https://docs.example/runbooks']\n"


def problems(text):
    found = read_references(text, "r.yml", BUILTIN)
    return [str(one) for one in (found.problems if isinstance(found, Listed) else found)]


def test_own_references_join_the_built_in_ones():
    found = read_references(RUNBOOK, "r.yml", BUILTIN)
    pair = ("Runbooks", "https://docs.example/runbooks")
    assert found == Listed({**BUILTIN, "runbook": pair})


def test_an_empty_file_adds_nothing():
    assert read_references("# none yet\n", "r.yml", BUILTIN) == Listed(BUILTIN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "1:1: the file should be a mapping, as in `key: value`"),
        ("a: [", "1:1: not YAML: "),
        ("\n".join(f"k{n}: 1" for n in range(201)), "1:1: the file has 201 references, more than"),
        ("pci-dss: [a, 'https://b.example']", "1:1: `pci-dss` is there already, as https://pci."),
        ("Run Book: [a, 'https://b.example']", "1:1: `Run Book` should be lower-case words join"),
        ("a: https://b.example", "1:1: `a` should be a title and an address, as in `[Runbooks, "),
        ("a: [b]", "1:1: `a` should be a title and an address"),
        ("a: [b, 3]", "1:1: `a` should be a title and an address"),
        ("a: [3, 'https://b.example']", "1:1: `a` should be a title and an address"),
        ("a: ['', 'https://b.example']", "1:1: `a` should be a title and an address"),
        ('a: ["b\\nc", "https://b.example"]', "1:1: `a` needs a title of one line with at most 1"),
        (f"a: [{'b' * 121}, 'https://b.example']", "1:1: `a` needs a title of one line"),
        ("a: [b, 'http://b.example']", "1:1: `a` needs an https:// address of at most 500 chara"),
        ("a: [b, 'https://b.example/a b']", "1:1: `a` needs an https:// address"),
        ("a: [b, 'https://b.example/(x)']", "1:1: `a` needs an https:// address"),
        ("a: [b, 'https://github.com@evil.example/']", "1:1: `a` needs an https:// address"),
        (f"a: [b, 'https://b.example/{'c' * 500}']", "1:1: `a` needs an https:// address"),
    ],
)
def test_a_wrong_reference_is_named_with_what_to_do(text, problem):
    (found,) = problems(text)
    assert found.startswith(f"r.yml:{problem}")


def test_to_refer_to_a_wrong_reference_is_no_second_mistake():
    found = read_references(RUNBOOK + "book: 7\n", "r.yml", BUILTIN)
    assert set(found.known) == {"pci-dss", "runbook", "book"}
    assert [one.line for one in found.problems] == [2]
