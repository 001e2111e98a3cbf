"""Catalogs of translations (gettext .po files, read with Babel): what is said in a language, and who has reviewed it.

A catalog is data: whoever translates edits it with any editor of .po files. A message is found by its context and its English
text, so a sentence that changed in English has no translation until somebody looks at it again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

ENGLISH = "en"
"""The language of the knowledge and of the program, which needs no catalog."""
_REVIEWED = re.compile(r"^# *Reviewed by: *(\S.*)$", re.MULTILINE)
"""The comment at the head of a file that names who has reviewed it; Babel keeps no header of one's own."""
_WORDS = Path(__file__).parent / "words"


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The translations of one file by context ("" for none) and English text; `reviewed_by` is empty while nobody has."""

    messages: Mapping[tuple[str, str], str]
    reviewed_by: str = ""

    def get(self, text: str, context: str = "") -> str | None:
        """Return the translation of a text, or None where there is none."""
        return self.messages.get((context, text))


EMPTY = Catalog(MappingProxyType({}))


def languages() -> tuple[str, ...]:
    """Return the languages in which the program has words, English first."""
    return (ENGLISH, *sorted(path.stem for path in _WORDS.glob("*.po")))


@cache
def program_words(language: str) -> Catalog:
    """Return the program's own words in a language other than English."""
    return read_catalog(_WORDS / f"{language}.po")


def read_catalog(path: Path) -> Catalog:
    """Read a catalog; an empty one where there is no such file. Entries that are marked as fuzzy do not count."""
    from babel.messages.pofile import read_po

    if not path.is_file():
        return EMPTY
    with path.open("rb") as stream:
        found = read_po(stream, ignore_obsolete=True)
    messages = {
        (str(message.context or ""), str(message.id)): str(message.string)
        for message in found
        if message.id and message.string and not message.fuzzy
    }
    reviewed = _REVIEWED.search(found.header_comment)
    return Catalog(MappingProxyType(messages), reviewed[1].strip() if reviewed else "")
