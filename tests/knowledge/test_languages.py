"""The languages: German is complete for the base list, says the same as English, and what is missing shows as that."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from facts.case import Case
from facts.intake.files import read_files
from facts.language.catalogs import EMPTY, Catalog, languages, program_words, read_catalog
from facts.language.speaking import MARK, Language, language_of, speaking
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase
from knowledge_base.translating import knowledge_catalog, messages, translate
from reports.comparison import comparison, render_comparisons
from reports.formats import COMPARISONS, FORMATS
from reports.json_report import plain
from tests import catalogs
from tests.knowledge.test_scope import CAUSES, CHOICES, QUANTITIES, WARNING_SIGNS, YES_NO

EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"
FOREIGN = Path(__file__).parents[1] / "foreign" / "headaches"
ALWAYS = ("title", "complaint", "level", "standing", "category", "screen", "plan", "leaflet")
"""What every report or consultation can show, whatever the case."""
REVIEWED = '# Reviewed by: Dr. M. Beispiel\nmsgid ""\nmsgstr ""\n"Language: de\\n"\n'
LANGUAGES = [language for language in languages() if language != "en"]


def base_messages(knowledge: KnowledgeBase) -> Iterator[tuple[str, str]]:
    """Return every sentence of the base list's causes, warning signs and questions, by its context."""
    rules = {f"rule.{rule.id}" for cause in CAUSES for rule in knowledge.causes[cause].rules}
    for sign in WARNING_SIGNS:
        declared = knowledge.warning_signs[sign]
        rules |= {f"rule.{rule.id}" for rule in (*declared.rules, *declared.downgrades)}
    named = {
        *(f"cause.{name}" for name in CAUSES),
        *(f"sign.{name}" for name in WARNING_SIGNS),
        *(f"finding.{name}" for name in (*YES_NO.split(), *CHOICES, *QUANTITIES)),
    }
    for context, text in messages(knowledge):
        kind, _, rest = context.partition(".")
        if kind in ALWAYS or context in rules or f"{kind}.{rest.partition('.')[0]}" in named:
            yield context, text


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.fixture(scope="session", params=LANGUAGES)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return knowledge_catalog(None, request.param)


@pytest.fixture(scope="session")
def german(knowledge: KnowledgeBase) -> Iterator[tuple[Assessor, Language]]:
    catalog = knowledge_catalog(None, "de")
    language = language_of("de", catalog)
    assert language is not None
    with speaking(language):
        assessor = Assessor(translate(knowledge, catalog))
    yield assessor, language


# Complete


def test_every_message_of_the_base_list_is_translated(knowledge: KnowledgeBase, catalog: Catalog) -> None:
    missing = [f"{context}: {text}" for context, text in base_messages(knowledge) if catalog.get(text, context) is None]
    assert missing == [], "translate them in knowledge_base/languages (python -m tests.catalogs --all de lists them)"


def test_a_translation_quotes_what_the_english_sentence_quotes(catalog: Catalog) -> None:
    assert len(catalog.messages) > 800
    wrong = {
        context: (text, said) for (context, text), said in catalog.messages.items() if placeholders(text) != placeholders(said)
    }
    assert wrong == {}


def test_a_translation_states_the_numbers_of_the_english_sentence(catalog: Catalog) -> None:
    """A threshold must not change on its way into another language."""

    def numbers(text: str) -> list[str]:
        return sorted(re.findall(r"(?<![A-Za-z])\d+(?:\.\d+)?", text.replace(",", ".")))

    wrong = {}
    for (context, text), said in catalog.messages.items():
        lost = [one for one in numbers(text) if one not in numbers(said)]
        added = [one for one in numbers(said) if one not in numbers(text)]
        if lost or added:
            wrong[context] = (lost, added)
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_has_all_its_words(language: str, knowledge: KnowledgeBase) -> None:
    words = program_words(language)
    assert [text for text in catalogs.program_messages(knowledge) if words.get(text) is None] == []
    wrong = [text for (_, text), said in words.messages.items() if placeholders(text) != placeholders(said)]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogs_are_as_they_would_be_written(
    language: str, knowledge: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry is left of a sentence that changed or is gone."""
    written = {name: getattr(catalogs, name)(language) for name in ("program_path", "knowledge_path")}
    for name, path in written.items():
        (tmp_path / name).write_bytes(path.read_bytes())
        monkeypatch.setattr(catalogs, name, lambda _, copy=tmp_path / name: copy)
    catalogs.update(language, knowledge)
    for name, path in written.items():
        assert (tmp_path / name).read_text("utf-8") == path.read_text("utf-8"), "run python -m tests.catalogs"


# The same


def without_words(data: Any) -> Any:
    """Return an assessment without what is said in words."""
    said = {"label", "says", "because", "question", "do", "title", "citation", "given", "origin"}
    if isinstance(data, dict):
        return {key: without_words(value) for key, value in data.items() if key not in said}
    return [without_words(item) for item in data] if isinstance(data, list) else data


@pytest.mark.parametrize("example", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_another_language_concludes_the_same(example: Path, assessor: Assessor, german: tuple[Assessor, Language]) -> None:
    translated, language = german
    for case, _ in read_files([example], assessor.knowledge.vocabulary, assessor.knowledge.dictionary).cases:
        with speaking(language):
            found = plain(translated.assess(case))
        assert without_words(found) == without_words(plain(assessor.assess(case)))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "pdf"])
def test_english_is_the_same_bytes_before_and_after_german(
    form: str, assessor: Assessor, german: tuple[Assessor, Language]
) -> None:
    knowledge = assessor.knowledge
    path = EXAMPLES / "night-cramps-on-a-diuretic.yaml"
    ((case, _),) = read_files([path], knowledge.vocabulary, knowledge.dictionary).cases
    before = FORMATS[form].render(assessor.assess(case), knowledge)
    translated, language = german
    with speaking(language):
        said = FORMATS[form].render(translated.assess(case), translated.knowledge)
    assert FORMATS[form].render(assessor.assess(case), knowledge) == before
    assert "Hypokaliämie" in said
    assert "Hypokaliämie" not in before and MARK not in before


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_german_report_has_no_english_words_of_the_program(form: str, german: tuple[Assessor, Language]) -> None:
    translated, language = german
    with speaking(language):
        said = FORMATS[form].render(translated.assess(Case("Fall 7", {})), translated.knowledge, full=True)
    words = re.sub(r"<[^>]*>|<style>.*?</style>", " ", said, flags=re.DOTALL)
    for english in ("Warning signs", "What to do", "Not decided", "Sources", "Nothing", "Asked", "knowledge"):
        assert not re.search(rf"\b{english}\b", words, re.IGNORECASE), english
    assert "Diese Übersetzung ist noch nicht ärztlich geprüft." in " ".join(said.split())
    if form == "html":
        assert '<html lang="de">' in said


@pytest.mark.parametrize("form", COMPARISONS)
def test_a_comparison_speaks_it_too(form: str, german: tuple[Assessor, Language]) -> None:
    translated, language = german
    with speaking(language):
        assessment = translated.assess(Case("Fall 8", {}))
        said = render_comparisons([comparison(assessment, assessment, None, translated.knowledge)], form)
    assert ("An den Angaben hat sich nichts geändert" in said) == (form != "json")


# What is missing


def test_what_has_no_translation_is_in_english_and_marked() -> None:
    headaches = load_knowledge_base(FOREIGN)
    language = language_of("de", EMPTY)
    with speaking(language):
        translated = translate(headaches, EMPTY)
        said = FORMATS["text"].render(Assessor(translated).assess(Case("x", {})), translated)
    assert f"{MARK}{headaches.title}".upper() in said
    assert translated.hash == headaches.hash
    cause = next(iter(headaches.causes.values()))
    assert translated.causes[cause.id].label == MARK + cause.label


def test_a_sentence_that_changed_loses_its_translation(knowledge: KnowledgeBase) -> None:
    changed = Catalog({("cause.dialysis.label", "Consequences of an older dialysis"): "Folgen der Dialyse"})
    assert translate(knowledge, changed).causes["dialysis"].label == MARK + "Consequences of dialysis"


def test_a_foreign_folder_brings_its_own_catalog(tmp_path: Path) -> None:
    (tmp_path / "languages").mkdir()
    content = f'{REVIEWED}\nmsgctxt "title"\nmsgid "Headaches"\nmsgstr "Kopfschmerzen"\n'
    (tmp_path / "languages" / "de.po").write_text(content, encoding="utf-8")
    found = knowledge_catalog(tmp_path, "de")
    assert found.get("Headaches", "title") == "Kopfschmerzen"
    assert found.reviewed_by == "Dr. M. Beispiel"
    assert knowledge_catalog(FOREIGN, "de") is EMPTY


def test_a_language_is_reviewed_only_where_all_of_it_is(tmp_path: Path) -> None:
    path = tmp_path / "de.po"
    path.write_text(REVIEWED, encoding="utf-8")
    language = language_of("de", read_catalog(path))
    assert language is not None
    assert language.reviewed_by == "", "the program's own words have not been reviewed"


def test_an_entry_marked_as_fuzzy_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "de.po"
    path.write_text('#, fuzzy\nmsgctxt "title"\nmsgid "Headaches"\nmsgstr "Kopfweh"\n', encoding="utf-8")
    assert read_catalog(path).get("Headaches", "title") is None


def test_json_in_german_has_the_same_shape(assessor: Assessor, german: tuple[Assessor, Language]) -> None:
    translated, language = german
    with speaking(language):
        said = json.loads(FORMATS["json"].render(translated.assess(Case("x", {})), translated.knowledge))
    assert said.keys() == json.loads(FORMATS["json"].render(assessor.assess(Case("x", {})), assessor.knowledge)).keys()
