"""How far changed lines move the versions of dependencies."""

from __future__ import annotations

import pytest

from ghapp.core.areas import InFile
from ghapp.core.scan.bumps import Bump, bumps
from ghapp.core.scan.conditions import Scene, in_file
from ghapp.core.scan.patch import changed_file
from ghapp.core.scan.scan import Touch
from tests.core.pulls import PULL, file


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('  "rails": "^7.1.0",', '  "rails": "^8.0.0",', ("rails", Bump.MAJOR)),
        ('gem "rails", "~> 7.1"', 'gem "rails", "~> 7.2"', ("rails", Bump.MINOR)),
        ("    rails (7.1.3)", "    rails (7.1.4)", ("rails", Bump.PATCH)),
        ("django==5.1.2", "django==6.0", ("django", Bump.MAJOR)),
        ("Django>=5", "Django>=6", ("Django", Bump.MAJOR)),
        ("FROM node:20-alpine", "FROM node:22-alpine", ("node", Bump.MAJOR)),
        ("FROM python:3.11", "FROM python:3.12", ("python", Bump.MINOR)),
        ("go 1.22", "go 1.23", ("go", Bump.MINOR)),
        ("\tacme.com/x v1.2.3 // indirect", "\tacme.com/x v1.3.0", ("acme.com/x", Bump.MINOR)),
        ('tokio = { version = "1.38" }', 'tokio = { version = "2.0" }', ("tokio", Bump.MAJOR)),
        (
            'otel = {version = "^0.50b0", extras = ["x"]}',
            'otel = {extras = ["x"], version = "^0.53b1"}',
            ("otel", Bump.MAJOR),
        ),
        ("- uses: acme/tool@3df4ab3b", "- uses: acme/tool@8a1f0c2d", None),
        ("  version: ^11.0.0", "  version: ^16.6.0", ("version", Bump.MAJOR)),
        ("- uses: acme/tool@v4", "- uses: acme/tool@v5", ("acme/tool", Bump.MAJOR)),
        ("image: postgres:16", "image: postgres:17", ("postgres", Bump.MAJOR)),
        ("<version>1.2</version>", "<version>2.0</version>", ("version", Bump.MAJOR)),
        ("api 'a.b:c:1.2.3'", "api 'a.b:c:1.2.4'", ("a.b:c", Bump.PATCH)),
        ("x==0.4.1", "x==0.5.0", ("x", Bump.MAJOR)),  # nothing is promised below 1.0
        ("x==0.4.1", "x==0.4.2", ("x", Bump.MINOR)),
        ("x==1.2", "x==1.2.0", None),
        ("x==1.2.3.4", "x==1.2.3.5", ("x", Bump.PATCH)),
        ("x==1.2.3", "x==1.2.3", None),
        ("x==1.2.3", "y==2.2.3", None),
        ("FROM acme/tool:latest", "FROM acme/tool:stable", None),
        ("", "x==1", None),
    ],
)
def test_a_line_names_a_dependency_and_its_version(old, new, found):
    assert [*bumps([old], [new])] == ([found] if found else [])


def test_a_name_that_comes_up_again_is_compared_in_order():
    old, new = ["version: 1.0", "version: 2.0"], ["version: 1.1", "version: 3.0", "version: 9"]
    assert [bump for _, bump in bumps(old, new)] == [Bump.MINOR, Bump.MAJOR]


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (InFile(bump="major"), True),
        (InFile(bump="major", unless=("rails",)), False),
        (InFile(bump="minor", unless=("rails",)), True),
        (InFile(path=("**/Gemfile",), bump="patch"), False),
    ],
)
def test_a_condition_asks_how_far_a_version_moves(when, holds):
    lines = ('"rails": "8.0"', '"rake": "1.2"'), ('"rails": "7.0"', '"rake": "1.1"')
    changes = (changed_file(file("package.json", *lines[0], removed=lines[1])),)
    assert bool([*in_file(when, Scene(PULL, Touch((), changes, changes)))]) is holds
