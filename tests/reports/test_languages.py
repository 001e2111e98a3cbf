"""`--language` of the commands, and what it refuses."""

from pathlib import Path

from tests.functional.charley import charley

CASE = Path(__file__).parents[2] / "facts" / "examples" / "typical-night-cramps.yaml"


def test_a_report_speaks_german() -> None:
    outcome = charley("report", CASE, "--language", "de")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("MUSKELKRÄMPFE · ")
    told = " ".join(outcome.out.split())
    assert "WAHRSCHEINLICH: Gutartige nächtliche Beinkrämpfe (Wadenkrämpfe)" in told
    assert "Diese Übersetzung ist noch nicht ärztlich geprüft." in told
    assert outcome.out == charley("report", CASE, "--language", "de", PYTHONHASHSEED="7").out


def test_english_is_what_is_said_without_it() -> None:
    assert charley("report", CASE).out == charley("report", CASE, "--language", "en").out


def test_a_consultation_asks_in_german(tmp_path: Path) -> None:
    outcome = charley("consult", "--answers", CASE, "--language", "de", "--store", tmp_path / "x.sqlite")
    assert outcome.status == 0
    assert "Muskelkrämpfe" in outcome.out or "MUSKELKRÄMPFE" in outcome.out


def test_a_language_that_is_not_there_is_refused_with_those_that_are() -> None:
    outcome = charley("report", CASE, "--language", "nl")
    assert outcome.status == 2
    assert "'nl' is not one of 'en', 'de'" in outcome.err
