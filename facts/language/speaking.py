"""The words that the program itself says, in the language of whoever reads them; English where nothing else is asked for.

What has no translation is said in English and marked as that: a reader must see that a sentence is missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from facts.language.catalogs import EMPTY, ENGLISH, Catalog, program_words

MARK = "[en] "
"""What stands before a text that has no translation."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language that is spoken: its tag, its words, its decimal sign, and who has reviewed it (empty while nobody has)."""

    tag: str
    words: Catalog
    decimal: str
    reviewed_by: str = ""


_spoken: ContextVar[Language | None] = ContextVar("the language that is spoken", default=None)


def language_of(tag: str, knowledge: Catalog = EMPTY) -> Language | None:
    """Return a language by its tag; None for English. It is reviewed where its words and the catalog of the knowledge are."""
    if tag == ENGLISH:
        return None
    from babel.numbers import get_decimal_symbol

    words = program_words(tag)
    reviewers = dict.fromkeys((words.reviewed_by, knowledge.reviewed_by))
    return Language(tag, words, get_decimal_symbol(tag), "" if "" in reviewers else ", ".join(reviewers))


@contextmanager
def speaking(language: Language | None) -> Iterator[None]:
    """Speak a language for as long as this lasts, in this thread or task."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> Language | None:
    """Return the language that is spoken; None for English."""
    return _spoken.get()


def say(text: str) -> str:
    """Return words of the program in the language that is spoken; marked where they have no translation."""
    language = _spoken.get()
    if language is None or not text:
        return text
    translated = language.words.get(text)
    return MARK + text if translated is None else translated


def localized_number(written: str) -> str:
    """Return a number with the decimal sign of the language."""
    language = _spoken.get()
    return written if language is None else written.replace(".", language.decimal)
