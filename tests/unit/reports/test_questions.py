"""A question that names many signs is taken apart, in every language."""

from facts.language.speaking import language_of, speaking
from knowledge_base.model import KnowledgeBase
from knowledge_base.translating import knowledge_catalog, translate
from reports.words.questions import split_question


def test_a_list_of_signs_is_split_and_other_questions_stay_whole() -> None:
    assert split_question("Another sign: jerks, or a fall; a rash; or pain at rest?") == (
        "Another sign?",
        ("jerks, or a fall", "a rash", "pain at rest"),
    )
    assert split_question("Is there a fever?") == ("Is there a fever?", ())


def test_german_lists_as_many_signs_as_english_and_begins_none_with_or(knowledge: KnowledgeBase) -> None:
    catalog = knowledge_catalog(None, "de")
    with speaking(language_of("de", catalog)):
        german = translate(knowledge, catalog)
        for name, finding in knowledge.vocabulary.findings.items():
            _, said = split_question(german.vocabulary.findings[name].question)
            _, english = split_question(finding.question)
            assert len(said) == len(english), name
            assert not any(sign.startswith(("oder ", "or ")) for sign in said)
