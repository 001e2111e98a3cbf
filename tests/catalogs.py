"""Write the catalogs of translations anew: `python -m tests.catalogs`; what was translated stays, what is gone is dropped.

Every language has two: the program's own words (`facts/language/words/LANGUAGE.po`), with everything that the program says in
reports, and the knowledge's sentences (`knowledge_base/languages/LANGUAGE.po`), of which only those that have a translation
stand in the file; `--all LANGUAGE` writes the others too, for whoever translates on. A sentence that changed in English loses
its translation: nobody has said that it still means the same.
"""

import ast
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from facts.language.catalogs import ENGLISH, languages
from facts.measuring.reference_intervals import WORDS
from facts.vocabulary import QuantityFinding
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase
from knowledge_base.translating import messages
from reports.arranged import page, view
from reports.rendering import environment
from reports.template_words import words_of
from reports.words import wording

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "reports" / "templates"
_HEAD = r"""# Reviewed by: {reviewed_by}
msgid ""
msgstr ""
"Language: {language}\n"
"Content-Type: text/plain; charset=utf-8\n"

"""
NOT_TRANSLATED = ("handbook", "knowledge_diff", "cohort", "card")
"""Templates for whoever works on the knowledge or with cohorts, and cards, which clinical systems show: in English."""


def program_path(language: str) -> Path:
    """Return where the program's own words stand."""
    return ROOT / "facts" / "language" / "words" / f"{language}.po"


def knowledge_path(language: str) -> Path:
    """Return where the sentences of the shipped knowledge stand."""
    return ROOT / "knowledge_base" / "languages" / f"{language}.po"


def program_messages(knowledge: KnowledgeBase) -> dict[str, None]:
    """Return all words that the program says in reports: in Python, by name of a constant, in templates, and units."""
    found: dict[str, None] = {}
    for package in ("facts", "reports", "expert"):
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            if re.search(r"from facts\.language\.speaking import .*\bsay\b", source) or path.name == "quantities.py":
                found |= dict.fromkeys(_said(ast.parse(source)))
    said_by_name = (page.STATEMENT, page._AWAITING, page._MARKED, *view._CUT.values(), *view._STEP_HEADINGS.values())
    found |= dict.fromkeys(
        (
            *said_by_name,
            *wording._RELATIONS.values(),
            *WORDS,
            "strong",
            "weak",
            "decisive",
            "and",
            "medicines",
            "answered",
            "perhaps normal",
        )
    )
    quantities = [one for one in knowledge.vocabulary.findings.values() if isinstance(one, QuantityFinding)]
    units = [wording._UNITS.get(finding.unit, finding.unit) for finding in quantities]
    found |= dict.fromkeys(unit for unit in units if wording.is_word(unit))
    found |= dict.fromkeys(wording.one_of(unit) for unit in units if wording.is_word(unit))
    return found | template_messages()


def _said(tree: ast.AST) -> Iterator[str]:
    """Return the texts that `say` is called with, inside f-strings and conditional expressions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                    yield part.value


def template_messages(folder: Path = TEMPLATES) -> dict[str, None]:
    """Return all words of the templates of reports."""
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.j2")):
        if not path.name.startswith(NOT_TRANSLATED) and not path.name.endswith(".css"):
            found |= dict.fromkeys(words_of(environment("text"), path.read_text(encoding="utf-8")))
    return found


def read(path: Path, language: str) -> Catalog:
    """Read a catalog; an empty one where there is none."""
    if not path.is_file():
        return Catalog(language, project="Charley")
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


def write(path: Path, before: Catalog, entries: Iterable[tuple[str | None, str]], *, everything: bool) -> None:
    """Write a catalog of these messages, each with its context, and with the translation that it had."""
    known = {(message.context, message.id): message.string for message in before if message.id and not message.fuzzy}
    after = Catalog(before.locale, project="Charley", header_comment="# Awaits the review of a clinician.", fuzzy=False)
    for context, text in entries:
        if (translated := known.get((context, text))) or everything:
            after.add(text, translated or "", context=context)
    stream = io.BytesIO()
    write_po(stream, after, width=128, omit_header=True)
    reviewed = re.search(r"^# *Reviewed by: *(\S.*)$", before.header_comment, re.MULTILINE)
    head = _HEAD.format(language=before.locale, reviewed_by=reviewed[1] if reviewed else "")
    # Whether a text looks like a format is for Babel's releases to differ about, and for nobody here to read.
    path.write_text(head + re.sub(r"^#, .*\n", "", stream.getvalue().decode(), flags=re.MULTILINE), encoding="utf-8")


def update(language: str, knowledge: KnowledgeBase, *, everything: bool = False) -> None:
    """Write both catalogs of a language anew."""
    path = program_path(language)
    before = read(path, language)
    needed = program_messages(knowledge)
    # The pages around a report may speak English; a word of theirs stands in the catalog once it is translated.
    of_pages = [
        text for text in template_messages(TEMPLATES / "web") if everything or (before.get(text) and before[text].string)
    ]
    write(path, before, [(None, text) for text in sorted({*needed, *of_pages})], everything=True)
    path = knowledge_path(language)
    write(path, read(path, language), messages(knowledge), everything=everything)


if __name__ == "__main__":
    shipped = load_knowledge_base()
    for tag in sys.argv[2:] if sys.argv[1:2] == ["--all"] else [one for one in languages() if one != ENGLISH]:
        update(tag, shipped, everything=sys.argv[1:2] == ["--all"])
