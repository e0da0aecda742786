"""The commands that need no account: `ghapp check`, `lint`, `packs` and others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

Format = Annotated[Literal["text", "markdown", "json"], typer.Option("--format")]
Language = Annotated[Literal["en", "ja"], typer.Option(help="The language of the output.")]
PolicyLanguage = Annotated[
    Literal["en", "ja"] | None, typer.Option(help="By default the policy's language.")
]
Organisation = Annotated[
    Path | None,
    typer.Option(help="The policy file of the organisation, the layer below the repository's."),
]
Files = Annotated[
    list[Path] | None,
    typer.Argument(help="Packs or folders of packs; by default the built-in packs."),
]


def check(
    path: Annotated[Path, typer.Argument(help="A git repository.")] = Path(),
    base: Annotated[
        str | None,
        typer.Option(
            help="`--base origin/main`: the branch or commit to merge into; by default the "
            "remote's default branch. The comparison starts at the merge base.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[str, typer.Option(help="The branch or commit to merge.")] = "HEAD",
    staged: Annotated[
        bool, typer.Option("--staged", help="Review what is staged, too, as in a pre-commit hook.")
    ] = False,
    worktree: Annotated[
        bool, typer.Option("--worktree", help="Review all uncommitted changes and new files, too.")
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(help="A policy file; by default `.github/nfr.yml` at the base."),
    ] = None,
    policy_at: Annotated[
        str | None,
        typer.Option(
            metavar="REV",
            help="The branch or commit whose policy counts; by default the base.",
            show_default=False,
        ),
    ] = None,
    organisation: Organisation = None,
    output: Annotated[
        Literal["text", "markdown", "json", "github", "sarif"], typer.Option("--format")
    ] = "text",
    fail_on: Annotated[
        Literal["must", "should", "finding", "never"],
        typer.Option(help="Exit with 1 for findings as severe as this, or for any, or never."),
    ] = "must",
    lang: PolicyLanguage = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the folded questions, too.")
    ] = False,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also add the result as Markdown to the end of a file: `$GITHUB_STEP_SUMMARY`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Review a local git range offline: what would be asked, and why.

    Exit status 0: no finding as severe as `--fail-on`, 1: some, or files that could not be read,
    2: wrong use, a broken policy, or an output that cannot be written.
    """
    from ghapp.offline.check import run

    if staged and worktree:
        raise typer.BadParameter("--worktree includes what is staged: use only one of the two")
    if (staged or worktree) and head != "HEAD":
        raise typer.BadParameter("--staged and --worktree are about HEAD: leave --head out")
    if policy and policy_at:
        raise typer.BadParameter("--policy and --policy-at exclude each other: leave one out")
    file = str(policy) if policy else None
    changes = "staged" if staged else "worktree" if worktree else ""
    status = run(
        str(path), base, head, file, output, lang,
        organisation=str(organisation) if organisation else None,
        unfolded=everything, fail_on=fail_on, changes=changes, policy_at=policy_at,
        summary=summary,
    )  # fmt: skip
    raise typer.Exit(status)


def measure(
    path: Annotated[Path, typer.Argument(help="A clone with the history to measure.")] = Path(),
    since: Annotated[
        str,
        typer.Option(help="Only changes since a date, such as `2026-01-01` or `6 months ago`."),
    ] = "",
    sample: Annotated[
        int,
        typer.Option(min=0, help="Draw at most so many changes, always the same ones; 0: all."),
    ] = 300,
    head: Annotated[str, typer.Option(help="The main branch, such as `origin/main`.")] = "HEAD",
    policy: Annotated[
        Path | None,
        typer.Option(help="A policy file; by default `.github/nfr.yml` at the head."),
    ] = None,
    output: Format = "text",
    lang: PolicyLanguage = None,
) -> None:
    """Measure what would have been asked about changes that are already merged, offline.

    Prints how many changes are flagged, how many questions they get, and the most frequent
    questions and rules.

    Exit status 0, or 2: wrong use, a broken policy, or an output that cannot be written.
    """
    from ghapp.offline.measure import run

    file = str(policy) if policy else None
    raise typer.Exit(run(str(path), since, sample, head, file, output, lang))


def init(
    path: Annotated[Path, typer.Argument(help="A checkout.")] = Path(),
    lang: Annotated[
        Literal["en", "ja"] | None,
        typer.Option(help="The language of the policy; by default that of the repository."),
    ] = None,
    mode: Annotated[
        Literal["observe", "advise", "enforce"],
        typer.Option(help="Record only, ask but never block, or block until signed off."),
    ] = "advise",
    team: Annotated[
        str, typer.Option(help="The slug of the team that signs off.", show_default=False)
    ] = "",
    sample: Annotated[
        int, typer.Option(min=0, help="Measure at most so many of the newest merged changes.")
    ] = 200,
    force: Annotated[bool, typer.Option("--force", help="Replace a policy that exists.")] = False,
    only_print: Annotated[
        bool, typer.Option("--stdout", "--dry-run", help="Print the policy, and write nothing.")
    ] = False,
    pull: Annotated[
        str,
        typer.Option(
            "--pr",
            metavar="OWNER/REPO",
            help="Open a pull request with it instead, with the token in `GH_TOKEN`.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Write a commented policy to start with, made from a checkout and its history.

    Exit status 0, or 2: no checkout, a policy exists, or GitHub refuses the pull request.
    """
    from ghapp.core.policy.fields import team_fault
    from ghapp.offline.init import run

    if fault := team and team_fault(team):
        raise typer.BadParameter(f"--team {fault}")
    if only_print and pull:
        raise typer.BadParameter("--stdout writes nothing: leave out one of --stdout and --pr")
    propose = None
    if pull:
        from functools import partial

        from ghapp.github.proposal import propose as propose_in
        from ghapp.settings import own_account

        propose = partial(propose_in, *own_account(), pull, force=force)
    status = run(
        path, language=lang, mode=mode, team=team, sample=sample, force=force,
        only_print=only_print, propose=propose,
    )  # fmt: skip
    raise typer.Exit(status)


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Policies, their tests, packs, and references beside packs; `-` is standard "
            "input. By default `.github/nfr.yml` of this repository."
        ),
    ] = None,
    organisation: Organisation = None,
    output: Annotated[
        Literal["text", "json", "github", "sarif"], typer.Option("--format")
    ] = "text",
) -> None:
    """Check policies, their tests and the packs that they name; prints FILE:LINE:COLUMN: problem.

    Exit status 0: good, 1: problems, 2: wrong use.
    """
    from ghapp.offline.lint import run

    raise typer.Exit(run(files or (), output, organisation))


def schema(
    pack: Annotated[bool, typer.Option("--pack", help="The schema of a pack instead.")] = False,
    tests: Annotated[
        bool, typer.Option("--tests", help="The schema of tests of a policy instead.")
    ] = False,
    output: Annotated[
        Literal["json", "markdown"],
        typer.Option("--format", help="markdown: a table of the policy's keys."),
    ] = "json",
) -> None:
    """Print the JSON Schema of the policy file, of a pack or of tests, for editors."""
    import json

    from ghapp.core.policy import own_packs, policy_schema
    from ghapp.offline import fixture_schema
    from ghapp.offline.policy_keys import as_markdown

    if pack and tests:
        raise typer.BadParameter("--pack and --tests are different files: use only one of the two")
    if output == "markdown":
        if pack or tests:
            raise typer.BadParameter("only the policy has a table of keys", param_hint="--format")
        typer.echo(as_markdown())
        return
    found = own_packs.schema() if pack else policy_schema.schema()
    found = fixture_schema.schema() if tests else found
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def try_samples(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Tests of a policy, packs, and folders of both; by default `.github/nfr/tests` "
            "of this repository, else the built-in packs."
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="A policy file; by default `.github/nfr.yml` of their repository."),
    ] = None,
    organisation: Organisation = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Run the tests of a policy, or the samples of packs, with the App's own engine.

    Prints what differs from what a test expects, and which samples fail and why.

    Exit status 0: all hold, 1: some fail, or a file has problems, 2: wrong use, or a broken policy.
    """
    from ghapp.offline.fixtures import run

    raise typer.Exit(run(files or (), policy, organisation, output))


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False,
    lang: Annotated[
        Literal["en", "ja"], typer.Option(help="The language of story, page and review.")
    ] = "en",
    host: Annotated[
        str, typer.Option(help="The page's address; whoever reaches it can play.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The page's port; 0 is any free one.")
    ] = 0,
    setup: Annotated[
        bool,
        typer.Option("--setup", help="Begin without an App, and make it on the set-up page."),
    ] = False,
) -> None:
    """Show a whole review against a built-in GitHub, without any account."""
    if once and setup:
        raise typer.BadParameter("--once is the end of a story, which --setup does not play")
    from ghapp.demo import run

    try:
        run(once=once, language=lang, host=host, port=port, begins=setup)
    except TimeoutError as late:
        typer.echo(str(late), err=True)
        raise typer.Exit(1) from None


class Packs(TyperGroup):
    """Without a command: `list` if there are only options, else `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "list"
        if not args or (first.startswith("-") and first not in ctx.help_option_names):
            args = ["list", *args]
        elif first not in self.commands and not first.startswith("-"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def list_packs(files: Files = None, output: Format = "text", lang: Language = "en") -> None:
    """List packs, heaviest first; `ghapp packs` alone does the same.

    Exit status 0: good, 1: a pack has problems, 2: wrong use.
    """
    from ghapp.offline.packs import listed

    raise typer.Exit(listed(files or (), output, lang))


def show_packs(
    areas: Annotated[list[str], typer.Argument(help="Areas, packs or folders of packs.")],
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    lang: Language = "en",
) -> None:
    """Show what packs look for and ask; `ghapp packs AREA` does the same.

    Exit status 0: good, 1: a pack has problems, 2: wrong use, such as an unknown area.
    """
    from ghapp.offline.pack_show import shown

    raise typer.Exit(shown(areas, output, lang))
