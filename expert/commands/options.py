"""What the commands share: how help is laid out, options, the exit status, loading the knowledge, telling refusals."""

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from facts.language.catalogs import ENGLISH, languages
from reports.formats import FORMATS

if TYPE_CHECKING:
    from facts.intake.case_files import Refusal
    from facts.problems import CharleyError
    from knowledge_base.model import KnowledgeBase

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
FAILED = 1
"""Charley could not do what was asked: a store, a folder or a disk is in the way."""
REFUSED = 2
"""Something in the input or the knowledge was refused; the rest was done."""


class _GivenPath(click.Path):
    """A path that was really given: an empty one, as of a shell variable without a value, would be this folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("an empty text names no file; write . for this folder", param, ctx)
        return super().convert(value, param, ctx)


PATH = _GivenPath(path_type=Path)
PATH_AS_WRITTEN = _GivenPath()

knowledge_option = click.option(
    "--knowledge",
    type=PATH,
    metavar="FOLDER",
    help="Use the knowledge base in FOLDER instead of the shipped one.",
)

what_would_change_option = click.option(
    "--what-would-change",
    is_flag=True,
    help="Add the smallest changes that would lower or raise the urgency or move the leading cause: half a second a case.",
)

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default=next(iter(FORMATS)),
    show_default=True,
    help="What to write.",
)

language_option = click.option(
    "--language",
    type=click.Choice(languages()),
    default=ENGLISH,
    show_default=True,
    help="Speak this language. What has no translation is in English, and marked [en].",
)

store_option = click.option(
    "--store",
    type=PATH,
    metavar="PATH",
    help="The file that keeps consultations. Default: consultations.sqlite in your data folder.",
)

_MOST_SHOWN = 200
"""Refusals that are printed one by one; a file of garbage holds millions. The JSON has them all."""


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the garbage collector while the knowledge is made.

    All of it stays until the process ends, and looking through it again and again takes a third of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load_for_assessing(folder: Path | None, language: str = ENGLISH) -> "KnowledgeBase":
    """Load a knowledge base that stays until the process ends, and speak its language until the command ends.

    Exits with its problems when it cannot be used.
    """
    with gc_paused():
        base = load(folder, to_assess=True)
        if language == ENGLISH:
            return base
        from facts.language.speaking import language_of, speaking
        from knowledge_base.translating import knowledge_catalog, translate

        catalog = knowledge_catalog(folder, language)
        click.get_current_context().with_resource(speaking(language_of(language, catalog)))
        return translate(base, catalog)


def load(folder: Path | None, *, to_assess: bool = False) -> "KnowledgeBase":
    """Load a knowledge base, or as much of it as assessing needs. Exits with its problems when it cannot be used."""
    from facts.problems import CharleyError
    from knowledge_base.loading import load_knowledge_base

    try:
        return load_knowledge_base(folder, to_assess=to_assess)
    except CharleyError as error:
        refuse_knowledge(error)


def refuse_knowledge(error: "CharleyError") -> NoReturn:
    """Print everything that is wrong with a knowledge base, and exit."""
    _echo_lines(error.problems)
    click.echo(f"The knowledge base cannot be used: {len(error.problems)} problems.", err=True)
    sys.exit(REFUSED)


def _echo_lines(lines: Iterable[object]) -> None:
    for line in lines:
        click.echo(str(line), err=True)


def tell_refusals(refusals: list["Refusal"], assessed: int) -> None:
    """Print what was refused, and how much was not."""
    from reports.words.cleaning import clean

    for refusal in refusals[:_MOST_SHOWN]:
        for problem in refusal.problems:
            click.echo(clean(str(problem)), err=True)
    if len(refusals) > _MOST_SHOWN:
        click.echo(f"… and {len(refusals) - _MOST_SHOWN:,} more refusals; --format json lists them all", err=True)
    if refusals:
        click.echo(f"{assessed:,} assessed, {len(refusals):,} refused", err=True)


def put_out(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file that only its owner reads; tells what is in the way of that, and exits with 1."""
    if output is None:
        click.echo(text, nl=False)
        return
    from reports.writing import write_private

    with telling_errors():
        write_private(output, text)


def store_path(path: Path | None) -> Path:
    """Return the file that keeps consultations: the one that is named, or the one in the data folder."""
    if path is not None:
        return path
    from platformdirs import user_data_path

    return user_data_path("charley", appauthor=False) / "consultations.sqlite"


@contextmanager
def telling_errors() -> Iterator[None]:
    """Print what is in the way of a store or a file, and exit with 1."""
    from expert.disk_errors import advise
    from expert.private_sqlite import StoreError
    from reports.words.cleaning import clean

    try:
        yield
    except StoreError as error:
        click.echo(clean(str(error)), err=True)
        sys.exit(FAILED)
    except OSError as error:
        click.echo(f"{clean(str(error.filename))}: {error.strerror}; {advise(error)}", err=True)
        sys.exit(FAILED)
