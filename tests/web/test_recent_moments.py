"""What the service remembers of where consultations stand: only what is so, for a few of them, and not for long."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from expert.consultation.answer_log import Event, Log
from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor
from expert.web import recent_moments
from expert.web.recent_moments import RecentMoments


def log_of(**answers: object) -> Log:
    return (Event(1, "answered", "story", MappingProxyType(answers), "2026-01-01T00:00:00+00:00", "knowledge"),)


def test_a_moment_serves_only_for_the_log_the_patient_and_the_questions_that_it_was_made_of(assessor: Assessor) -> None:
    consultation, thorough = Consultation(assessor), Consultation(assessor, thorough=True)
    recent, log = RecentMoments(), log_of(vomiting=True)
    moment = consultation.moment(log, "Weber")
    recent.keep("one", log, moment)
    # A log that was read anew from the store is another object with the same events.
    assert recent.find("one", (replace(log[0]),), "Weber", consultation) is moment
    assert recent.find("one", log_of(vomiting=False), "Weber", consultation) is None
    assert recent.find("one", (*log, replace(log[0], step=2)), "Weber", consultation) is None
    assert recent.find("one", log, "Meier", consultation) is None
    assert recent.find("one", log, "Weber", thorough) is None
    assert recent.find("other", log, "Weber", consultation) is None


def test_where_it_stood_before_is_remembered_and_no_more(consultation: Consultation) -> None:
    recent = RecentMoments()
    logs = [log_of(vomiting=True, age=age) for age in (50, 60, 70)]
    for log in logs:
        recent.keep("one", log, consultation.moment(log, ""))
    assert [recent.find("one", log, "", consultation) is not None for log in logs] == [False, True, True]


def test_what_was_not_opened_for_long_is_forgotten(consultation: Consultation, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    recent, log = RecentMoments(lambda: now[0]), log_of(vomiting=True)
    moment = consultation.moment(log, "")
    recent.keep("one", log, moment)
    now[0] = 400.0
    recent.keep("two", log, moment)
    now[0] = 601.0
    assert recent.find("two", log, "", consultation) is moment
    assert list(recent.kept) == ["two"]
    monkeypatch.setattr(recent_moments, "_CONSULTATIONS", 2)
    for session in ("three", "two", "four"):
        recent.keep(session, log, moment)
    assert list(recent.kept) == ["two", "four"]
