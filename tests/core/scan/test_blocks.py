import re

import pytest

from ghapp.core.scan.blocks import Blocks

HCL = """\
resource "aws_db" "shop" {
  name = "shop"
  tags = {
    team = "sre"
  }

  backup = false
}

resource "aws_db" "other" {
  protected = true
}"""
YAML = """\
spec:
  containers:
    - name: web
      image: web:1
      ports: [80]
    - name: side
      image: side:1
  replicas: 2
other: true"""
POLICY = """\
{
  "SqlStatement": [
    {
      "Effect": "Deny",
      "Action": "*",
      "Condition": {
        "Bool": "x"
      }
    },
    {
      "Effect": "Allow"
    }
  ]
}"""
CALL = """\
    answer = requests.post(
        url,
        json={"text": "a ) in quotes"},
        timeout=3,
    )
    print(answer)"""


def of(text, match, within=""):
    """The block around the first line that has the match."""
    lines = text.split("\n")
    place, line = next((place, line) for place, line in enumerate(lines) if match in line)
    start = line.index(match)
    return Blocks(lines).text(place, start + len(match), within).split("\n")


@pytest.mark.parametrize(
    ("text", "match", "first", "last", "count"),
    [
        # what the line opens, up to the bracket that closes it
        (HCL, '"aws_db" "shop" {', 'resource "aws_db" "shop" {', "}", 8),
        (HCL, '"aws_db" "shop"', 'resource "aws_db" "shop" {', "}", 8),
        (HCL, "tags", "  tags = {", "  }", 3),
        (CALL, "requests.post(", "    answer = requests.post(", "    )", 5),
        # closed on the same line: that line alone
        (YAML, "ports", "      ports: [80]", "      ports: [80]", 1),
        (CALL, "print(", "    print(answer)", "    print(answer)", 1),
        # else the neighbours as deep as the line, and the line that opens them
        (HCL, "backup", 'resource "aws_db" "shop" {', "  backup = false", 7),
        (YAML, "image: web:1", "    - name: web", "      ports: [80]", 3),
        (YAML, "replicas", "spec:", "  replicas: 2", 8),
        (YAML, "other", "spec:", "other: true", 9),
        (POLICY, '"Action"', "    {", "      }", 6),
        # a list item begins a block
        (YAML, "name: web", "    - name: web", "      ports: [80]", 3),
        (YAML, "name: side", "    - name: side", "      image: side:1", 2),
        # a bracket that closes what was opened before the match ends it
        (CALL, "timeout", "    answer = requests.post(", "        timeout=3,", 4),
        ("f(a, b(c))", "a", "f(a, b(c))", "f(a, b(c))", 1),
    ],
)
def test_a_block_is_what_brackets_or_indentation_hold_together(text, match, first, last, count):
    found = of(text, match)
    assert (found[0], found[-1], len(found)) == (first, last, count)


def test_lines_that_steer_a_template_hold_no_block_apart():
    helm = (
        "containers:\n    - name: a\n{{- if .x }}\n      image: b\n{{- end }}\n      limits: 1\nx:"
    )
    assert of(helm, "image")[-1] == "      limits: 1"
    assert of(helm, "limits")[0] == "    - name: a"
    assert of(helm, "name: a")[-1] == "      limits: 1"


@pytest.mark.parametrize(
    ("text", "match", "within", "has", "lacks"),
    [
        (POLICY, '"Bool"', r'"Effect"', '"Deny"', '"Allow"'),
        (POLICY, '"Action"', r'"Effect"', '"Deny"', '"Allow"'),
        (YAML, "image: web:1", "containers:", "side:1", "other: true"),
        (HCL, "team", r'resource "', "backup", "protected"),
    ],
)
def test_outer_blocks_are_taken_until_one_has_what_is_asked_for(text, match, within, has, lacks):
    found = "\n".join(of(text, match, within))
    assert re.search(within, found)
    assert has in found
    assert lacks not in found


def test_where_no_outer_block_has_it_the_outermost_one_is_taken():
    assert of(YAML, "image: web:1", "nowhere") == YAML.split("\n")


def test_a_block_ends_after_200_lines():
    long = "\n".join(["resource {", *["  a = 1"] * 500, "}"])
    assert len(of(long, "resource {")) == 200
    assert len(of(long.replace("resource {", "resource"), "a = 1")) <= 202
    assert len(of("x {\n  a", "x {")) == 2


def test_quotes_and_escapes_hide_brackets():
    assert len(of('a = f("\\")("\n  , b)\nc', "f(")) == 2
    assert len(of("it's f(\n  b)\nc", "f(")) == 2


def test_brackets_in_comments_hold_nothing():
    assert len(of("a {  # {\n  b\n}\nc", "a {")) == 3
    assert len(of("a( // (\n  b\n)\nc", "a(")) == 3
    assert len(of("a( -- (\n  b\n)\nc", "a(")) == 3
    assert len(of("a('#', x - (1)\n  b\n)\nc", "a(")) == 3


def test_what_two_suspects_ask_for_is_worked_out_once():
    blocks = Blocks(HCL.split("\n"))
    for _ in range(2):
        assert blocks.matching("backup", 0, 9, "")
        assert not blocks.matching("protected", 0, 9, "")
        assert blocks.text(2, 8, "").split("\n")[-1] == "  }"
