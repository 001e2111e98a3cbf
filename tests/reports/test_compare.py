"""`charley compare`: what changed for one patient, why, and that silence is no all-clear."""

import json
from pathlib import Path

import pytest

from tests.functional.charley import Outcome, charley

RECORD = Path(__file__).parents[1] / "records" / "bundle.json"
JUNE = """\
case: visit in June
findings:
  age: 58
  cramps_during_sleep: yes
  serum_potassium: 2.8
  muscle_weakness: yes
  weakness_onset: sudden
medicines: [chlorthalidone 25 mg]
"""
SILENT = """\
case: visit in July
findings:
  age: 58
  cramps_during_sleep: yes
  serum_potassium: 4.4
medicines: []
"""


def compared(tmp_path: Path, old: str, new: str, *more: object) -> Outcome:
    (tmp_path / "old.yaml").write_text(old)
    (tmp_path / "new.yaml").write_text(new)
    return charley("compare", tmp_path / "old.yaml", tmp_path / "new.yaml", *more)


def data(tmp_path: Path, old: str, new: str) -> dict[str, object]:
    outcome = compared(tmp_path, old, new, "--format", "json")
    assert (outcome.status, outcome.err) == (0, "")
    loaded: dict[str, object] = json.loads(outcome.out)
    return loaded


def by_id(entries: object) -> dict[str, dict[str, object]]:
    assert isinstance(entries, list)
    return {entry["id"]: entry for entry in entries}


def test_what_changed_is_said_with_the_finding_that_changed_it(tmp_path: Path) -> None:
    found = data(tmp_path, JUNE, SILENT)
    assert by_id(found["changed"])["serum_potassium"]["before"] == "2.8 mmol/L"
    assert by_id(found["changed"])["serum_potassium"]["after"] == "4.4 mmol/L"
    assert by_id(found["changed"])["takes_loop_or_thiazide_diuretic"]["after"] == "no"
    hypokalemia = by_id(found["causes"])["hypokalemia"]
    assert (hypokalemia["before"], hypokalemia["after"]) == ("Confirmed", "Excluded")
    assert "serum_potassium" in by_id(hypokalemia["findings"])
    assert found["direction"] == "lower"


def test_a_sign_that_was_not_told_again_is_open_and_one_that_was_answered_is_gone(tmp_path: Path) -> None:
    silent = data(tmp_path, JUNE, SILENT)
    assert set(by_id(silent["not_told"])) == {"muscle_weakness", "weakness_onset"}
    assert by_id(silent["signs"])["sudden_weakness"]["change"] == "not_told"
    assert by_id(silent["signs"])["cramps_on_diuretics"]["change"] == "gone"
    assert silent["still"] == "Immediate"
    answered = data(tmp_path, JUNE, SILENT.replace("medicines", "  muscle_weakness: no\nmedicines"))
    assert by_id(answered["signs"])["sudden_weakness"]["change"] == "gone"
    assert answered["still"] is None
    assert answered["not_told"] == [], "the onset means nothing without the weakness"


def test_what_is_worse_is_said_too(tmp_path: Path) -> None:
    found = data(tmp_path, SILENT, JUNE)
    assert found["direction"] == "higher"
    sign = by_id(found["signs"])["sudden_weakness"]
    assert (sign["change"], sign["level_before"], sign["level_after"]) == ("new", None, "Immediate")
    assert sign["because"]
    assert set(by_id(sign["findings"])) >= {"weakness_onset"}
    assert found["still"] is None


def test_the_same_answers_change_nothing(tmp_path: Path) -> None:
    found = data(tmp_path, JUNE, JUNE)
    assert not any(
        found[name] for name in ("changed", "new", "not_told", "signs", "causes", "steps_new", "steps_gone", "still")
    )
    assert "Nothing that was told changed." in compared(tmp_path, JUNE, JUNE).out


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("text", "NOT AN ALL-CLEAR: it would still be IMMEDIATE"),
        ("markdown", "**Not an all-clear:** it would still be immediate"),
        ("html", "<strong>Not an all-clear:</strong> it would still be immediate"),
    ],
)
def test_readers_are_warned_of_silence_before_anything_else(form: str, told: str, tmp_path: Path) -> None:
    shown = " ".join(compared(tmp_path, JUNE, SILENT, "--format", form).out.split())
    assert told in shown
    assert shown.index(told) < shown.index("2.8 mmol/L")
    assert shown == " ".join(compared(tmp_path, JUNE, SILENT, "--format", form).out.split())


def test_text_of_a_case_means_only_itself(tmp_path: Path) -> None:
    hostile = JUNE.replace("visit in June", '"<b>June</b> [x](http://x) \\u202e"').replace("chlorthalidone 25 mg", "<i>x</i>")
    assert "<b>" not in compared(tmp_path, hostile, SILENT, "--format", "html").out
    assert "[x](http" not in compared(tmp_path, hostile, SILENT, "--format", "markdown").out
    assert "\u202e" not in compared(tmp_path, SILENT, hostile).out


def test_one_record_is_compared_at_two_days(tmp_path: Path) -> None:
    outcome = charley("compare", RECORD, RECORD, "--old-as-of", "2026-01-15", "--format", "json")
    found = json.loads(outcome.out)
    assert (found["before"]["as_of"], found["after"]["as_of"]) == ("2026-01-15", "2026-03-02")
    assert by_id(found["causes"])["hypokalemia"]["before"] == "Excluded"


def test_two_patients_are_never_compared(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(RECORD.read_text().replace("record-1", "record-9"))
    outcome = charley("compare", RECORD, other)
    assert (outcome.status, outcome.out) == (2, "")
    assert "case 'record-1' is only in OLD" in outcome.err
    assert "case 'record-9' is only in NEW" in outcome.err


def test_cases_are_matched_by_name_and_the_rest_is_refused(tmp_path: Path) -> None:
    def named(name: str, text: str) -> str:
        _, _, rest = text.partition("\n")
        return f"- case: {name}\n" + "".join(f"  {line}\n" for line in rest.splitlines())

    outcome = compared(tmp_path, named("a", JUNE) + named("b", JUNE), named("b", SILENT), "--format", "json")
    assert outcome.status == 2
    assert json.loads(outcome.out)["case"] == "b"
    assert "case 'a' is only in OLD; give it the same name in both" in outcome.err
    assert "1 assessed, 1 refused" in outcome.err
