"""The commands of whoever runs the service: `charley doctor`, `charley backup` and `charley restore`."""

import sys
from pathlib import Path

import click

from expert.commands.options import CONTEXT, FAILED, PATH, knowledge_option, store_option

_FOR = ("pdf", "prove", "spark", "tests", "web")

_feedback_option = click.option(
    "--feedback", type=PATH, metavar="PATH", help="The file that keeps what was done with cards. Default: beside the store."
)


@click.command(context_settings=CONTEXT)
@click.option(
    "--needs",
    multiple=True,
    type=click.Choice(_FOR),
    help="What must work beside reports and consultations. May be repeated; what else is missing is told, and no error.",
)
@click.option("--users", type=PATH, metavar="FILE", help="The file of users of `charley serve`, to look at too.")
@store_option
@knowledge_option
def doctor(needs: tuple[str, ...], users: Path | None, store: Path | None, knowledge: Path | None) -> None:
    """Say what is missing on this machine: libraries and their versions, Java, a browser, fonts, permissions, space.

    Exit status: 0 when everything that is needed is there, 1 when something is missing. Nothing is changed but that
    a folder for the store is made.

    \b
    Examples:
      charley doctor
      charley doctor --needs web --users clinicians.users
      charley doctor --needs spark --needs prove
    """
    from expert.commands.options import store_path
    from expert.doctor import examine
    from reports.words.cleaning import clean

    missing = 0
    for check in examine(store_path(store), users, knowledge):
        is_needed = check.needed_for in ("", *needs)
        told = "ok" if check.is_well else "MISSING" if is_needed else "not here"
        missing += is_needed and not check.is_well
        what = f"  (for {check.needed_for})" if check.needed_for else ""
        click.echo(f"{told:<9}" + clean(f"{check.what}: {check.found}{what}"))
        if not check.is_well:
            click.echo(" " * 9 + clean(check.fix))
    if missing:
        click.echo(f"{missing} of what is needed {'is' if missing == 1 else 'are'} missing", err=True)
        sys.exit(FAILED)


@click.command(context_settings=CONTEXT)
@click.argument("folder", type=PATH)
@_feedback_option
@store_option
def backup(folder: Path, feedback: Path | None, store: Path | None) -> None:
    """Copy the consultations with their audit trail, and the feedback if there is any, into FOLDER, while the service runs.

    Each copy is as of one moment, checked, readable by its owner alone, and on disk when this ends. A file that is in FOLDER
    already is never overwritten.

    \b
    Example:
      charley backup /var/backups/charley/$(date +%F)
    """
    _copy(*_kept(store, feedback), folder / "consultations.sqlite", folder / "feedback.sqlite")


@click.command(context_settings=CONTEXT)
@click.argument("folder", type=PATH)
@_feedback_option
@store_option
def restore(folder: Path, feedback: Path | None, store: Path | None) -> None:
    """Put the copies in FOLDER back where the service looks for them. What is there has to be moved away before.

    \b
    Example:
      charley restore /var/backups/charley/2026-03-01
    """
    _copy(folder / "consultations.sqlite", folder / "feedback.sqlite", *_kept(store, feedback))


def _kept(store: Path | None, feedback: Path | None) -> tuple[Path, Path]:
    from expert.commands.options import store_path

    consultations = store_path(store)
    return consultations, feedback or consultations.with_name("feedback.sqlite")


def _copy(consultations: Path, feedback: Path, to_consultations: Path, to_feedback: Path) -> None:
    from expert.cds_hooks import feedback as cards
    from expert.commands.options import telling_errors
    from expert.consultation import sessions
    from expert.private_sqlite import copy_private

    with telling_errors():
        for source, target, format in (
            (consultations, to_consultations, sessions.FORMAT),
            (feedback, to_feedback, cards.FORMAT),
        ):
            if source.exists() or format is sessions.FORMAT:
                copy_private(source, target, format)
                click.echo(f"{source} → {target}", err=True)
