"""The commands with settings: `serve`, `work`, `credentials`, `migrate`, `sweep` and others."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ghapp.settings import Settings

NEEDS_POSTGRESQL = (
    "GHAPP_DATABASE_URL: `ghapp work` needs PostgreSQL, because SQLite supports a single process; "
    "set it to postgresql://USER:PASSWORD@HOST/NAME, or let `ghapp serve` do the work, too"
)


def serve(
    no_worker: Annotated[
        bool,
        typer.Option("--no-worker", help="Only store deliveries; `ghapp work` processes them."),
    ] = False,
) -> None:
    """Receive deliveries and process them.

    Without an App's credentials it starts with set-up: open the address that it prints, and GitHub
    makes the App. The credentials are stored in the database, encrypted.

    SQLite supports a single process. With `--no-worker`, deliveries are stored but not processed
    until you restart `ghapp serve` without the flag.
    """
    from ghapp.settings import Settings

    settings = Settings.from_environment(may_be_stored=True)

    from ghapp.bootstrap import serving, until_signalled

    until_signalled(settings, serving(settings, worker=not no_worker))


def work(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Serve /metrics, /healthz and /readyz on HOST and this port."
        ),
    ] = None,
) -> None:
    """Process the deliveries that other processes receive; needs PostgreSQL."""
    from ghapp.errors import WrongSetting
    from ghapp.settings import Settings

    settings = Settings.from_environment(may_be_stored=True)
    if settings.is_sqlite:
        raise WrongSetting(NEEDS_POSTGRESQL)

    from ghapp.bootstrap import until_signalled, working

    until_signalled(settings, working(settings, metrics_port))


def _with_stored(settings: Settings) -> Settings:
    """The settings, with the credentials of the database if the environment has none."""
    if settings.app_id:
        return settings
    from ghapp.bootstrap import with_stored

    return with_stored(settings)


def credentials(
    export: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="A new file, which only you may read.", show_default=False
        ),
    ],
) -> None:
    """Write the credentials that set-up stored into a file of environment variables.

    Keep the file as a backup, or start ghapp elsewhere with it: the environment takes precedence
    over the database.

    Exit status 0: written, 1: the file exists or cannot be written, 2: wrong use or settings, or
    nothing is stored.
    """
    import base64
    import os

    from ghapp.settings import Settings

    settings = Settings.from_environment(needs_github=False)

    from ghapp.bootstrap import stored_credentials

    found = stored_credentials(settings)
    key = base64.b64encode(found.private_key.encode()).decode()  # which no format has to quote
    lines = (
        f"# The App {found.html_url}",
        f"GHAPP_APP_ID={found.app_id}",
        f"GHAPP_WEBHOOK_SECRET={found.webhook_secret}",
        f"GHAPP_PRIVATE_KEY={key}",
        f"GHAPP_CLIENT_ID={found.client_id}",
        f"GHAPP_CLIENT_SECRET={found.client_secret}",
    )
    try:
        descriptor = os.open(export, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join((*lines, "")))
    except OSError as error:
        typer.echo(f"{export}: cannot be written ({error.strerror}); name a new file", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{export} has the credentials of App {found.app_id}.")


def migrate() -> None:
    """Upgrade the database; `ghapp serve` and `ghapp work` do so, too."""
    from ghapp.settings import Settings

    settings = Settings.from_environment(needs_github=False)

    from ghapp.bootstrap import migrated

    migrated(settings)


def sweep() -> None:
    """Check all pull requests for what no delivery reported, and retry parked reviews.

    `ghapp serve` and `ghapp work` do this every five minutes. This command marks what to check and
    asks GitHub to redeliver failed deliveries; a running server or worker does the rest. On SQLite
    without a running server, it does the work itself and requests no redelivery, because nothing
    could receive it.

    Exit status 0: marked or done, 1: GitHub or the database is out of reach, or reviews fail,
    2: wrong use.
    """
    from ghapp.settings import Settings

    settings = Settings.from_environment(may_be_stored=True)

    from ghapp.bootstrap import swept
    from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait

    try:
        found = swept(settings)
    except (Retry, Wait, Gone, Busy, StoreFailed) as error:
        text = f"{error}; check GHAPP_GITHUB_API_URL, HTTPS_PROXY and the App's id and key"
        if isinstance(error, Busy | StoreFailed):
            text = f"{settings.database_variable}: {error}"
        typer.echo(text, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Installations checked: {found.installations}.")
    if found.worked_off:
        typer.echo("Everything is processed.")
    else:
        typer.echo(f"Redeliveries requested: {found.redelivered}.")
        typer.echo("`ghapp serve` or `ghapp work` does the rest.")
    for one in found.parked:
        typer.echo(f"{one.key} {one.full_name} is parked: {one.error}", err=True)
    raise typer.Exit(1 if found.parked else 0)


def report(
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=400,
            help="Go back so many days.",
            show_default="14; 84 with --questions",
        ),
    ] = None,
    repository: Annotated[
        str, typer.Option(metavar="OWNER/REPO", help="Only one repository.", show_default=False)
    ] = "",
    questions: Annotated[
        bool,
        typer.Option(
            "--questions",
            help="Instead, which questions to retire, reword or automate, and what was merged "
            "without sign-off.",
        ),
    ] = False,
    output: Annotated[Literal["text", "markdown", "json"], typer.Option("--format")] = "text",
    lang: Annotated[Literal["en", "ja"], typer.Option(help="The language of the output.")] = "en",
) -> None:
    """Show which pull requests would have been blocked, if everything was enforced.

    It reads what ghapp recorded about areas in the modes observe and advise. A server may run
    meanwhile.

    Exit status 0, 1: the database is out of reach, or 2: wrong use, no database, or an output that
    cannot be written.
    """
    if repository and not all(repository.partition("/")[::2]):
        raise typer.BadParameter("--repository is OWNER/REPO, as in acme/shop")
    from ghapp.settings import Settings

    settings = Settings.from_environment(needs_github=False)

    from ghapp.bootstrap import questioned, reported
    from ghapp.core.i18n import Words
    from ghapp.core.text.question_report import QUESTION_FORMATS
    from ghapp.core.text.report import FORMATS
    from ghapp.errors import Busy, StoreFailed
    from ghapp.terminal import printed

    try:
        if questions:
            about = questioned(settings, days or 84, repository)
            text = QUESTION_FORMATS[output](about, Words(lang))
        else:
            text = FORMATS[output](reported(settings, days or 14, repository), Words(lang))
    except (Busy, StoreFailed) as error:
        typer.echo(f"{settings.database_variable}: {error}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(printed(text, "ghapp report"))


def digest(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the messages. Nothing is sent.")
    ] = False,
    retro: Annotated[
        bool, typer.Option("--retro", help="The message for the retro in its place.")
    ] = False,
) -> None:
    """Show what the messages for today's stand-up would say, for each place they go to.

    `ghapp serve` and `ghapp work` send them at GHAPP_STANDUP, once a working day, to the webhooks
    of GHAPP_SLACK_WEBHOOK_URL and to the issues that policies name under `digest`. The message for
    the retro goes to the webhooks alone, on the days that policies name under `retro`.

    Exit status 0: printed, 1: the database is out of reach, 2: wrong use or settings.
    """
    if not dry_run:
        text = "the server sends digests by itself: add --dry-run to see what they would say"
        raise typer.BadParameter(text)
    from ghapp.settings import Settings

    settings = Settings.from_environment(needs_github=False)

    from ghapp.bootstrap import digested
    from ghapp.core.i18n import Words
    from ghapp.core.text.digest import as_text
    from ghapp.errors import Busy, StoreFailed
    from ghapp.terminal import printed

    try:
        found = digested(settings, retro=retro)
    except (Busy, StoreFailed) as error:
        typer.echo(f"{settings.database_variable}: {error}", err=True)
        raise typer.Exit(1) from None
    blocks = [Words("en")("retro_none" if retro else "digest_no_targets")] if not found else []
    for one in found:
        words = Words(one.language)
        text = as_text(one.digest, words) if one.digest else words("digest_none")
        blocks.append(f"# {one.target}\n{text if one.works else words('digest_off')}")
    raise typer.Exit(printed("\n\n".join(blocks), "ghapp digest"))


def forget(
    installation: Annotated[
        int, typer.Argument(min=1, help="The id of the installation, as in the log.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete; without it, only count what would be deleted.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete even if the App is, or may be, installed there.")
    ] = False,
) -> None:
    """Delete everything that is stored of an installation: ledger, reviews, deliveries and all.

    Uninstall the App on GitHub first. Without `--yes` it only counts. It deletes a few rows at a
    time, also beside a running server, and can be repeated if it was stopped. Backups of the
    database still have the data.

    Exit status 0: counted or deleted, 1: GitHub or the database is out of reach, 2: wrong use or
    settings, no database, or the App is still installed there.
    """
    from ghapp.settings import Settings

    checks = yes and not force
    settings = Settings.from_environment(needs_github=checks, may_be_stored=checks)

    from ghapp.bootstrap import forgotten
    from ghapp.errors import Busy, Gone, Retry, StoreFailed, Wait

    try:
        found = forgotten(settings, installation, yes=yes, force=force)
    except (Busy, StoreFailed) as error:
        typer.echo(f"{settings.database_variable}: {error}", err=True)
        raise typer.Exit(1) from None
    except (Retry, Wait, Gone) as error:
        text = f"{error}; whether the App is still installed is not known: try again, or --force"
        typer.echo(text, err=True)
        raise typer.Exit(1) from None
    for name, count in found.counts.items():
        if count:
            typer.echo(f"{count:>9}  {name}")
    for name in found.kept:
        typer.echo(f"kept: {name}, which belongs to another installation now")
    total = sum(found.counts.values())
    if not total:
        typer.echo(f"Nothing is stored of installation {installation}.")
    elif yes:
        typer.echo(f"Rows deleted: {total}.")
    else:
        typer.echo(f"Rows that would be deleted: {total}. Add --yes to delete them.")


def doctor(
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    deliver: Annotated[
        bool, typer.Option(help="Ask GitHub to redeliver something that ghapp already has.")
    ] = True,
    fix_webhook: Annotated[
        bool,
        typer.Option(
            "--fix-webhook",
            help="First set the webhook's URL and secret on GitHub, from GHAPP_BASE_URL and the "
            "secret in force.",
        ),
    ] = False,
) -> None:
    """Check the setup and say what to change: settings, database, GitHub, App and webhook.

    It works with or without a running server, and changes nothing without `--fix-webhook`. To test
    whether deliveries arrive, it asks GitHub to redeliver one that ghapp already has, which has no
    effect.

    Exit status 0: good, perhaps with warnings, 1: problems, 2: wrong use or settings.
    """
    from ghapp.settings import Settings

    settings = _with_stored(Settings.from_environment(may_be_stored=True))

    import asyncio

    from ghapp.doctor.examine import fix_webhook as fix
    from ghapp.doctor.examine import run
    from ghapp.errors import Gone, Retry, Wait

    if fix_webhook:
        try:
            typer.echo(f"The webhook leads to {asyncio.run(fix(settings))} now.", err=True)
        except (Retry, Wait, Gone) as error:
            typer.echo(f"the webhook is as it was: {error}", err=True)
            raise typer.Exit(1) from None
    good = asyncio.run(run(settings, output, deliver=deliver))
    raise typer.Exit(0 if good else 1)


def explain(
    what: Annotated[
        str,
        typer.Argument(
            help="`OWNER/REPO#NUMBER`, or the address of its page; with `--policy` a checkout, "
            "a policy file, or `OWNER/REPO`."
        ),
    ] = ".",
    policy: Annotated[
        bool, typer.Option("--policy", help="Print the policy in force, value by value.")
    ] = False,
    organisation: Annotated[
        Path | None,
        typer.Option(help="The organisation's policy file, below that of a checkout."),
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    lang: Annotated[
        Literal["en", "ja"] | None, typer.Option(help="By default the policy's language.")
    ] = None,
) -> None:
    """Show what ghapp would decide about a pull request now, why, and what it would write.

    It reads GitHub as the App and the database if there is one, beside a running server, too, and
    writes nothing to either. `--policy` prints the policy in force instead: every value with the
    layer and the line that set it.

    Exit status 0: shown, 1: GitHub or the pull request is out of reach, or with `--policy` a file
    has problems or weakens what the organisation locks, 2: wrong use or settings.
    """
    if policy and (Path(what).exists() or "/" not in what):
        from ghapp.offline.explain import run as run_offline

        raise typer.Exit(run_offline(Path(what), organisation, output, lang))
    if organisation:
        text = "--organisation is for the policy of a checkout: GitHub's is read by itself"
        raise typer.BadParameter(text)

    from ghapp.settings import Settings

    settings = _with_stored(Settings.from_environment(may_be_stored=True))

    from ghapp import explain

    try:
        if policy:
            name = explain.repository_named(what)
            status = explain.show_policy(settings, name, output, lang)
        else:
            status = explain.run(settings, explain.named(what, settings.web_url), output, lang)
    except ValueError as error:
        raise typer.BadParameter(f"{what}: {error}") from None
    raise typer.Exit(status)


def scan(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[PATH|OWNER/REPO]",
            help="A checkout, or a folder in one; else a repository on GitHub.",
        ),
    ] = ".",
    commit: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Read the files of a commit of the clone, not the working tree.",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="A policy file; by default `.github/nfr.yml` of the repository."),
    ] = None,
    organisation: Annotated[
        Path | None,
        typer.Option(help="The organisation's policy file, below that of a checkout."),
    ] = None,
    output: Annotated[
        Literal["text", "markdown", "json", "github", "sarif"], typer.Option("--format")
    ] = "text",
    fail_on: Annotated[
        Literal["must", "should", "finding", "never"],
        typer.Option(help="Exit with 1 for findings as severe as this, or for any, or never."),
    ] = "never",
    lang: Annotated[
        Literal["en", "ja"] | None, typer.Option(help="By default the policy's language.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show more than ten findings of each rule.")
    ] = False,
) -> None:
    """Search the configuration as it is, not only what a change adds.

    It reads the files of infrastructure as code, Kubernetes, containers and pipelines. A checkout
    is read offline. Of a repository on GitHub it reads the default branch, as the App, and beside a
    running server, too; it writes nothing there, nor to the database.

    Exit status 0: scanned, 1: a finding is as severe as `--fail-on`, or GitHub is out of reach,
    2: wrong use or settings, a broken policy, or an output that cannot be written.
    """
    if Path(what).exists() or "/" not in what or commit:
        from ghapp.offline.scan import run as run_offline

        status = run_offline(
            what, commit, str(policy) if policy else None, output, lang,
            organisation=str(organisation) if organisation else None,
            unfolded=everything, fail_on=fail_on,
        )  # fmt: skip
        raise typer.Exit(status)
    if organisation or policy:
        text = "GitHub's policies are read by themselves: leave out --policy and --organisation"
        raise typer.BadParameter(text)

    from ghapp import explain
    from ghapp.settings import Settings

    settings = _with_stored(Settings.from_environment(may_be_stored=True))

    from ghapp.scan import run

    try:
        name = explain.repository_named(what)
    except ValueError as error:
        raise typer.BadParameter(f"{what}: {error}") from None
    raise typer.Exit(run(settings, name, output, lang, unfolded=everything, fail_on=fail_on))


def export(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day, in UTC.", show_default=False),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day, in UTC.", show_default=False),
    ] = None,
    repository: Annotated[str, typer.Option(help="Only this one, as `OWNER/REPO`.")] = "",
    output_format: Annotated[
        Literal["csv", "json"], typer.Option("--format", help="`json` is one object on each line.")
    ] = "csv",
    output: Annotated[
        Path | None,
        typer.Option(help="A file that only you may read; by default standard output."),
    ] = None,
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            help="Print a self-review in numbers: the year until `--until`, and the one before.",
        ),
    ] = False,
    lang: Annotated[
        Literal["en", "ja"], typer.Option("--lang", help="Of the text of `--report`.")
    ] = "en",
) -> None:
    """Export the ledger, follow-ups and the state of all reviews, for an audit.

    It only reads the database, beside a running server, too. Sign-offs, waivers, holds, answers and
    refusals are entries of the ledger. With `--report` it prints a text, or an object with
    `--format json`.

    Exit status 0: exported, 1: the database is out of reach, 2: wrong use, or an output that cannot
    be written.
    """
    from ghapp.settings import Settings

    if since and until and since > until:
        raise typer.BadParameter("--since is later than --until: no day is between them")
    if report and (since or output):
        raise typer.BadParameter("--report takes neither --since nor --output")
    settings = Settings.from_environment(needs_github=False)

    if report:
        from ghapp.core.i18n import Words
        from ghapp.core.text.self_review import YEARLY_FORMATS
        from ghapp.errors import Busy, StoreFailed
        from ghapp.export import yearly
        from ghapp.terminal import printed

        try:
            found = yearly(settings, until and until.date(), repository)
        except (Busy, StoreFailed) as error:
            typer.echo(f"{settings.database_variable}: {error}", err=True)
            raise typer.Exit(1) from None
        form = YEARLY_FORMATS["json" if output_format == "json" else "text"]
        raise typer.Exit(printed(form(found, Words(lang)), "ghapp export"))

    from ghapp.export import Wanted, run

    wanted = Wanted(since and since.date(), until and until.date(), repository)
    raise typer.Exit(run(settings, wanted, output_format, output))
