"""The search for findings: which words find which, in which order, and what is suggested for a name that nothing has."""

import pytest

from facts.finding_search import find_finding, search_findings, suggest_finding
from facts.vocabulary import Vocabulary
from knowledge_base.loading import load_knowledge_base


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_knowledge_base(None).vocabulary


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("serum_potassium", "serum_potassium"),
        ("Serum Potassium", "serum_potassium"),
        ("K", "serum_potassium"),
        ("Mg", "serum_magnesium"),
        ("tingling  LIPS", "tingling_around_mouth_or_fingers"),
        ("HCTZ", "takes_loop_or_thiazide_diuretic"),
        ("E87.6", "serum_potassium"),
        ("wasting", "muscle_wasting"),
    ],
)
def test_a_name_a_synonym_and_a_code_find_the_one_finding(text: str, finding: str, vocabulary: Vocabulary) -> None:
    found = find_finding(text, vocabulary)
    assert found is not None and found.id == finding
    assert search_findings(text, vocabulary)[0].finding.id == finding


def test_a_word_that_names_several_findings_is_none_of_them_and_finds_all(vocabulary: Vocabulary) -> None:
    assert find_finding("blood pressure", vocabulary) is None
    first = [match.finding.id for match in search_findings("blood pressure", vocabulary)][:2]
    assert first == ["systolic_blood_pressure", "diastolic_blood_pressure"]


def test_words_are_found_in_any_order_and_by_their_beginnings(vocabulary: Vocabulary) -> None:
    assert "absent_foot_pulses" in [match.finding.id for match in search_findings("puls foot", vocabulary)]


def test_a_single_letter_finds_only_what_goes_by_it(vocabulary: Vocabulary) -> None:
    assert [match.finding.id for match in search_findings("k", vocabulary)] == ["serum_potassium"]


@pytest.mark.parametrize(("typed", "finding"), [("vomitting", "vomiting"), ("potasium", "serum_potassium"), ("TSHH", "tsh")])
def test_a_slip_is_suggested_and_never_taken(typed: str, finding: str, vocabulary: Vocabulary) -> None:
    assert find_finding(typed, vocabulary) is None
    assert suggest_finding(typed, vocabulary) == f"did you mean {finding}?"


@pytest.mark.parametrize("text", ["", "   ", "🦵", "qwertyuiop", "\x00", "=" * 10_000])
def test_what_means_nothing_finds_nothing(text: str, vocabulary: Vocabulary) -> None:
    assert search_findings(text, vocabulary) == ()
    assert suggest_finding(text, vocabulary) == "`charley findings SEARCH` finds findings by any word"


def test_every_finding_is_found_first_or_beside_its_namesakes_by_each_of_its_names(vocabulary: Vocabulary) -> None:
    for finding in vocabulary.findings.values():
        for name in (finding.id, finding.label, *finding.synonyms):
            matches = search_findings(name, vocabulary, limit=20)
            best = {match.finding.id for match in matches if match.score == matches[0].score}
            assert finding.id in best, (finding.id, name)
