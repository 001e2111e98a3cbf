"""The day at which a record is judged, dates in every form, and for how long what a record says counts."""

from datetime import date
from typing import Any

import pytest

from facts.intake.fhir.shapes.moments import moment_of
from facts.vocabulary import lasting_days
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import POTASSIUM, SUBJECT, concept, condition, notes, observation, one, order, read, visit
from tests.small_knowledge import load, quantity, yes_no


@pytest.mark.parametrize(
    ("written", "instant", "day"),
    [
        ("2026-03-01T07:30:00+0200", "2026-03-01T05:30:00+00:00", "2026-03-01"),
        ("2026-03-01T07:30:00-05", "2026-03-01T12:30:00+00:00", "2026-03-01"),
        ("2026-03-01 07:30:00", "2026-03-01T07:30:00+00:00", "2026-03-01"),
        ("2026-03-01T07:30", "2026-03-01T07:30:00+00:00", "2026-03-01"),
        ("2026-3-1", "2026-03-01T00:00:00+00:00", "2026-03-01"),
        ("2026/03/01", "2026-03-01T00:00:00+00:00", "2026-03-01"),
        ("20260301", "2026-03-01T00:00:00+00:00", "2026-03-01"),
        ("202603010730", "2026-03-01T07:30:00+00:00", "2026-03-01"),
        ("20260301073000.125-0500", "2026-03-01T12:30:00.125000+00:00", "2026-03-01"),
        ("2026-03-01t07:30:00z", "2026-03-01T07:30:00+00:00", "2026-03-01"),
    ],
)
def test_every_unambiguous_form_of_a_date_is_read(written: str, instant: str, day: str) -> None:
    moment = moment_of(written)
    assert moment is not None
    assert (moment.instant.isoformat(), moment.shown) == (instant, day)


@pytest.mark.parametrize(
    "written", ["03/01/2026", "1.3.2026", "260301", "1772352000", "2026-13-01", "2026-03-01T25:00:00Z", "yesterday", 7, None]
)
def test_what_could_mean_several_days_or_none_is_no_date(written: Any) -> None:
    assert moment_of(written) is None


@pytest.mark.parametrize(
    "dated",
    [
        {"effectiveDateTime": "03/02/2026"},
        {"effectivePeriod": {"start": "2026-03-01", "end": "soon"}},
        {"effectiveTiming": {"code": {"text": "before breakfast"}}},
    ],
)
def test_a_result_whose_date_cannot_be_read_is_told_and_no_older_one_stands_in(
    dated: dict[str, Any], knowledge: KnowledgeBase
) -> None:
    new = {key: value for key, value in observation(POTASSIUM, 2.4, id="new").items() if key != "effectiveDateTime"}
    intake = read([observation(POTASSIUM, 4.1, when="2026-02-01", id="old"), {**new, **dated}], knowledge)
    problem = str(intake.refusals[0].problems[0])
    assert "Observation/new: serum potassium 2.4 mmol/L: its date" in problem
    assert "cannot be read" in problem
    case = intake.cases[0][0]
    assert case.values.get("serum_potassium") != 4.1
    assert {one.observed.value for one in case.unverified} == {2.4, 4.1}


def test_the_last_event_of_a_timing_dates_a_result(knowledge: KnowledgeBase) -> None:
    timing = {"effectiveDateTime": None, "effectiveTiming": {"event": ["2026-02-27T08:00:00Z", "2026-03-01T08:00:00Z"]}}
    case = one([observation(POTASSIUM, 2.4, **timing), observation(POTASSIUM, 4.1, when="2026-02-28", id="old")], knowledge)
    assert case.values == {"serum_potassium": 2.4}


def resource(kind: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "later", "subject": SUBJECT, **more}


@pytest.mark.parametrize(
    "plan",
    [
        order("levothyroxine", authoredOn="2026-02-01", dosageInstruction=[
            {"timing": {"repeat": {"boundsPeriod": {"start": "2026-10-01", "end": "2027-01-01"}}}}
        ]),
        order("levothyroxine", "draft", authoredOn="2026-10-01"),
        order("levothyroxine", "cancelled", authoredOn="2026-10-01"),
        order("levothyroxine", dispenseRequest={"validityPeriod": {"end": "2026-10-01"}}),
        resource("Encounter", status="in-progress", period={"start": "2026-03-01", "end": "2026-10-01"}),
        resource("Encounter", status="planned", period={"start": "2026-10-01", "end": "2026-10-02"}),
        resource("Procedure", status="preparation", performedDateTime="2026-10-01", code=concept("SNOMED CT", "1")),
        resource("MedicationStatement", status="intended", effectivePeriod={"start": "2026-10-01"}),
        resource("MedicationStatement", status="active", effectivePeriod={"start": "2026-02-01", "end": "2026-10-01"}),
        resource("QuestionnaireResponse", status="entered-in-error", authored="2026-10-01"),
        condition("SNOMED CT", "77386006", abatementDateTime="2026-10-01"),
        observation(POTASSIUM, 3.9, when="2026-10-01", status="entered-in-error", id="void"),
        observation(POTASSIUM, 3.9, when="2026-10-01", status="registered", id="asked"),
    ],
)  # fmt: skip
def test_plans_drafts_and_void_entries_never_move_the_day(plan: dict[str, Any], knowledge: KnowledgeBase) -> None:
    case = one([observation(POTASSIUM, 2.4, id="now"), plan], knowledge, within_days=30)
    assert case.record is not None
    assert case.record.as_of == "2026-03-01"
    assert case.values["serum_potassium"] == 2.4


def test_the_beginning_of_an_order_dates_a_record_that_has_no_other_date(knowledge: KnowledgeBase) -> None:
    begun = {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "2026-02-10"}}}}]}
    undated = {key: value for key, value in order("furosemide", **begun).items() if key != "authoredOn"}
    case = one([undated], knowledge)
    assert case.record is not None
    assert case.record.as_of == "2026-02-10"
    later = one([undated, observation(POTASSIUM, 4.1, when="2026-01-10")], knowledge)
    assert later.record is not None
    assert later.record.as_of == "2026-01-10"
    changed = {**undated, "meta": {"lastUpdated": "2026-02-20T00:00:00Z"}}
    known = one([changed, observation(POTASSIUM, 4.1, when="2026-01-10")], knowledge)
    assert known.record is not None
    assert known.record.as_of == "2026-02-10"
    assert "takes_loop_diuretic" in known.findings


@pytest.mark.parametrize(
    ("stale", "finding", "told"),
    [
        (observation("8310-5", 40.2, "Cel", "2026-02-20"), "body_temperature", "body temperature 40.2 degC"),
        (observation("2345-7", 41, "mg/dL", "2026-02-20"), "blood_glucose", "blood glucose 41 mg/dL"),
        (condition("SNOMED CT", "386661006", onsetDateTime="2025-12-01"), "fever", "fever: yes"),
    ],
)
def test_what_is_too_old_for_its_finding_is_named_with_its_value(
    stale: dict[str, Any], finding: str, told: str, knowledge: KnowledgeBase
) -> None:
    case = one([stale, condition("SNOMED CT", "73211009", onsetDateTime="2001-01-01", id="old"), visit()], knowledge)
    assert set(case.values) == {"diabetes"}
    assert any(text.startswith(told) and "days old" in reason for text, reason in notes(case).items())
    assert case.record is not None
    assert any(text.startswith(told) for text in case.record.expired)
    fresh = one([stale], knowledge)
    assert finding in fresh.findings


def test_a_condition_that_was_recorded_again_is_not_old(knowledge: KnowledgeBase) -> None:
    again = condition("SNOMED CT", "386661006", onsetDateTime="2026-02-01", recordedDate="2026-03-01")
    assert "fever" in one([again, visit()], knowledge).findings


def test_an_undated_condition_counts(knowledge: KnowledgeBase) -> None:
    assert "fever" in one([condition("SNOMED CT", "386661006", onsetDateTime=None), visit()], knowledge).findings


def test_lasting_times_are_knowledge(tmp_path: Any) -> None:
    findings = {
        "aura": yes_no("aura", codes={"SNOMED CT": "1"}, lasts="2 weeks"),
        "band": quantity("band", codes={"LOINC": "2"}),
    }
    foreign = load(tmp_path, findings)
    record = [condition("SNOMED CT", "1"), observation("2", 5, when="1990-01-01")]
    assert set(one(record, foreign, as_of=date(2026, 2, 15)).values) == {"aura", "band"}
    assert set(one(record, foreign, as_of=date(2026, 2, 16)).values) == {"band"}


@pytest.mark.parametrize(
    ("lasting", "days"), [("always", None), ("1 day", 1), ("3 days", 3), ("2 weeks", 14), ("6 months", 180), ("1 year", 365)]
)
def test_a_lasting_time_is_written_in_words(lasting: str, days: int | None) -> None:
    assert lasting_days(lasting) == days


@pytest.mark.parametrize("wrong", ["3", "days", "0 days", "3 hours", "for ever"])
def test_a_wrong_lasting_time_is_a_mistake_of_the_vocabulary(wrong: str, tmp_path: Any) -> None:
    with pytest.raises(Exception, match="lasts"):
        load(tmp_path, {"aura": yes_no("aura", lasts=wrong)})


def test_a_reading_dated_by_its_month_alone_is_not_after_the_record(knowledge: KnowledgeBase) -> None:
    older = observation(POTASSIUM, 4.4, when="2026-02-03T09:00:00Z", id="older")
    case = one([older, observation(POTASSIUM, 2.2, when="2026-04", id="newer")], knowledge)
    assert case.findings["serum_potassium"].value == 2.2
    assert case.record is not None
    assert case.record.as_of == "2026-04-01"


def test_a_date_that_stands_for_no_end_is_never_the_day_of_judging(knowledge: KnowledgeBase) -> None:
    running = observation(POTASSIUM, 2.2, when="", effectivePeriod={"start": "2026-04-01", "end": "9999-12-31"})
    case = one([running, observation("2951-2", 139, when="2026-03-30", id="na")], knowledge)
    assert case.findings["serum_potassium"].value == 2.2
    assert case.findings["serum_sodium"].value == 139
    assert case.record is not None
    assert case.record.as_of == "2026-04-01"
    dated = observation(POTASSIUM, 2.2, when="9999-12-31", id="never")
    told = one([dated, observation(POTASSIUM, 4.4, when="2026-03-30", id="older")], knowledge)
    assert any("'9999-12-31' cannot be read" in note.reason for note in told.unrecognized)
