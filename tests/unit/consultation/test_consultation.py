"""The consultation as a function of its log: replay, undo, change, what is asked, and what it answers when asked back."""

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from expert.consultation import replies
from expert.consultation.answer_log import AnswerRefused, Event, Log, drop_undone, replay
from expert.consultation.asking.foreseeing import foresee
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked, one_screen
from expert.consultation.explaining import how, why, why_not, why_page
from expert.consultation.meant import find, read_assignments
from expert.consultation.moments import Consultation, Moment
from expert.consultation.progress import kept_open, no_longer_standing, progress, standing, status, why_stopped
from expert.consultation.record import as_json
from expert.consultation.what_if import what_if
from expert.inference.assessing import Assessor
from facts.case import DENIED_TOGETHER
from facts.problems import UnknownName
from facts.vocabulary import Value
from knowledge_base.interview import Screen
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import page
from reports.formats import FORMATS
from reports.json_report import as_plain
from reports.words.explaining import explain
from tests.small_knowledge import choice, load, quantity, yes_no

AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def consultation(assessor: Assessor) -> Consultation:
    return Consultation(assessor)


def talk(consultation: Consultation, *steps: dict[str, Any]) -> tuple[Log, Moment]:
    log: Log = ()
    moment = consultation.moment(log, "p")
    for answers in steps:
        screen = moment.next.screen.id if isinstance(moment.next, ScreenAsked) else ""
        log, moment = consultation.answered(log, "p", screen, answers, AT)
    return log, moment


def asked(moment: Moment) -> ScreenAsked:
    assert isinstance(moment.next, ScreenAsked)
    return moment.next


# The log


def test_the_story_comes_first_and_then_the_red_flags(consultation: Consultation) -> None:
    first = consultation.moment((), "p")
    page = asked(first)
    assert page.screen.id == "story" and {"age", "sex", "spasm_in_calf"} <= set(page.questions)
    assert page.asks_medicines and page.asks_results and page.asks_anything
    log, second = consultation.answered((), "p", "story", reply(page), AT)
    assert asked(second).screen.id == "red_flags" and len(asked(second).questions) <= 8
    assert "confusion" in asked(second).questions
    # What was left open of the story is not asked again as a whole.
    _, third = consultation.answered(log, "p", "red_flags", reply(asked(second)), AT)
    assert asked(third).screen.id != "story"


def test_no_page_after_the_story_has_more_questions_than_the_knowledge_says(consultation: Consultation) -> None:
    most = consultation.knowledge.interview.most_questions
    assert most is not None
    told = {"spasm_in_hand": True, "muscle_weakness": True, "medicines": [], "stopped_medicines": []}
    log, moment = consultation.answered((), "p", "story", told, AT)
    while isinstance(moment.next, ScreenAsked):
        assert 0 < len(moment.next.questions) <= most
        assert len({section.screen.by for section in moment.next.sections}) == 1
        log, moment = consultation.answered(log, "p", moment.next.screen.id, reply(moment.next), AT)


def test_where_no_result_is_available_no_test_is_asked_for_and_the_certificate_says_so(consultation: Consultation) -> None:
    given = {"medicines": ["furosemide"], "stopped_medicines": []}
    told = {name: consultation.answered((), "p", "story", {**given, "results": name}, AT) for name in ("none", "some")}
    by = consultation.questioner.verdicts.asked_by
    for name, (log, moment) in told.items():
        tests: list[str] = []
        while isinstance(moment.next, ScreenAsked):
            tests += [question for question in moment.next.questions if by[question] == "test"]
            log, moment = consultation.answered(log, "p", moment.next.screen.id, reply(moment.next), AT)
        assert ("serum_potassium" in tests) is (name == "some")
        assert any("serum_potassium" in kept.findings for kept in moment.next.kept_open)
    # A result that turns up is taken all the same.
    _, moment = consultation.changed(told["none"][0], "p", {"serum_potassium": 2.3}, AT)
    assert moment.assessment.urgency.level == "immediate"


def test_the_same_log_gives_the_same_moment(consultation: Consultation) -> None:
    log, moment = talk(consultation, {"fever": True, "confusion": None})
    again = consultation.moment(tuple(Event.from_dict(event.to_dict()) for event in log), "p")
    assert (again.told, again.next, again.assessment) == (moment.told, moment.next, moment.assessment)


def test_undo_takes_a_whole_step_back_and_is_itself_on_the_log(consultation: Consultation) -> None:
    log, _ = talk(consultation, {"fever": True, "confusion": None})
    shorter = consultation.undone(log, AT)
    assert shorter[: len(log)] == log and shorter[-1].kind == "undone"
    assert drop_undone(shorter) == ()
    moment = consultation.moment(shorter, "p")
    assert not moment.told.case.findings and not moment.told.unknown
    assert consultation.undone(shorter, AT) == shorter


def test_a_step_after_an_undo_is_not_undone_with_it(consultation: Consultation) -> None:
    log, _ = talk(consultation, {"fever": True})
    log, moment = consultation.answered(consultation.undone(log, AT), "p", "dangers", {"fever": False}, AT)
    assert moment.told.case.values["fever"] is False


@pytest.mark.parametrize("now", ["no", None])
def test_a_change_replaces_an_answer_and_closes_what_requires_it(now: str | None, consultation: Consultation) -> None:
    log, before = talk(consultation, {"muscle_weakness": True, "weakness_onset": "sudden"})
    log, moment = consultation.changed(log, "p", {"muscle_weakness": now}, AT)
    assert moment.told.case.values == ({} if now is None else {"muscle_weakness": False})
    assert moment.told.unknown == ({"muscle_weakness"} if now is None else set())
    gone = no_longer_standing(before, moment, ["muscle_weakness"], consultation.knowledge)
    assert len(gone) == 1 and gone[0].endswith("(sudden)")
    _, moment = consultation.changed(log, "p", {"muscle_weakness": "yes"}, AT)
    assert moment.told.case.values == {"muscle_weakness": True}
    assert consultation.moment(consultation.undone(log, AT), "p").told.case == before.told.case


def test_an_answer_implies_what_it_requires_where_that_was_left_unknown(consultation: Consultation) -> None:
    _, moment = talk(consultation, {"muscle_weakness": None}, {"weakness_onset": "sudden"})
    assert moment.told.case.values == {"muscle_weakness": True, "weakness_onset": "sudden"}
    assert not moment.told.unknown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("muscle_weakness=yes, weakness_onset=sudden", {"muscle_weakness": True, "weakness_onset": "sudden"}),
        ("muscle_weakness is yes; weakness onset is sudden", {"muscle_weakness": True, "weakness_onset": "sudden"}),
        ("severe, uncontrolled pain=yes, age=unknown", {"severe_pain": True, "age": None}),
    ],
)
def test_several_answers_can_be_changed_together(text: str, expected: dict[str, Any], consultation: Consultation) -> None:
    moment = consultation.moment((), "p")
    assert read_assignments(text, moment, consultation.knowledge) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fever", "write NAME=VALUE"),
        ("fever=", "expected a name and a value"),
        ("fever=yes, fever=no", "fever is given twice"),
        ("serum_potassium=3,1", "3,1"),
        ("hypokalemia=yes", "only an answer can be changed"),
    ],
)
def test_a_change_that_cannot_be_read_is_explained(text: str, problem: str, consultation: Consultation) -> None:
    with pytest.raises(replies.ReplyError, match=problem):
        read_assignments(text, consultation.moment((), "p"), consultation.knowledge)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"age": "300"}, "outside the plausible range"),
        ({"feverish": True}, "is not a finding"),
        ({"medicines": "HCTZ"}, "expected a list"),
        ({"stopped_medicines": [3]}, "expected a list"),
        ({"medicines": [], "takes_statin": True}, "contradict"),
    ],
)
def test_answers_that_cannot_stand_are_refused_whole(consultation: Consultation, answers: dict[str, Any], told: str) -> None:
    with pytest.raises(AnswerRefused, match=told):
        consultation.answered((), "p", "any", {"fever": True, **answers}, AT)


def test_answers_that_the_knowledge_calls_contradictory_are_refused(consultation: Consultation) -> None:
    with pytest.raises(AnswerRefused, match="contradict"):
        consultation.answered((), "p", "any", {"sex": "male", "pregnant": True}, AT)


@pytest.mark.parametrize("wrong", [{"kind": "guessed"}, {"answers": None}, {"step": "x"}])
def test_what_is_no_event_is_not_read(wrong: dict[str, Any]) -> None:
    event = Event(1, "answered", "s", MappingProxyType({"fever": True}), AT, "k").to_dict()
    with pytest.raises((TypeError, ValueError)):
        Event.from_dict({**event, **wrong})


# What is asked, and when it stops


def test_what_an_answer_opens_comes_on_the_next_page_before_other_questions(consultation: Consultation) -> None:
    log: Log = ()
    moment = consultation.moment(log, "p")
    while "muscle_weakness" not in asked(moment).questions:
        log, moment = consultation.answered(log, "p", asked(moment).screen.id, reply(asked(moment)), AT)
    assert "weakness_onset" not in asked(moment).questions
    answers = {**dict.fromkeys(asked(moment).questions, False), "muscle_weakness": True}
    _, moment = consultation.answered(log, "p", asked(moment).screen.id, answers, AT)
    assert "weakness_onset" in asked(moment).questions


def reply(page: ScreenAsked) -> dict[str, Any]:
    lists = {"medicines": None, "stopped_medicines": None} if page.asks_medicines else {}
    return {**dict.fromkeys(page.questions), **lists, **({"results": None} if page.asks_results else {})}


def test_it_stops_when_everything_is_unknown_and_says_what_that_keeps_open(consultation: Consultation) -> None:
    log: Log = ()
    moment = consultation.moment(log, "p")
    while isinstance(moment.next, ScreenAsked):
        log, moment = consultation.answered(log, "p", moment.next.screen.id, reply(moment.next), AT)
    stopped = moment.next
    assert stopped.urgency == "routine" and stopped.leading is None
    assert stopped.kept_open[0].conclusion == "urgency" and stopped.kept_open[0].could_be == "immediate"
    assert "fever" in stopped.kept_open[0].findings
    told = why_stopped(stopped, moment, consultation.knowledge)
    assert told[0].startswith(f"Stopped after {moment.screens} screens: no question is left that could show a danger")
    assert any(f"{stopped.remaining} questions were not asked" in line for line in told)
    assert any(line.startswith("Looked for ") and "nothing suggests them" in line for line in told)
    heading, urgency, *_ = kept_open(stopped, moment, consultation.knowledge)
    assert heading == "What was answered “unknown” keeps open:"
    # What matters most comes first, and not what the vocabulary lists first.
    assert 0 < urgency.find("confusion") < urgency.find("fever") < urgency.find("relief by stretching")
    not_known = page(moment.assessment, consultation.knowledge).not_known
    assert "confusion" in not_known and "fever" in not_known and not_known[-1].endswith(" more")
    # Causes that nothing supports are not worth a line.
    assert {kept.conclusion for kept in stopped.kept_open} == {"urgency"}
    # Nothing is decided as long as an unknown answer hides a danger.
    assert "immediate depends on unknowns" in progress(moment, consultation.knowledge)
    written = as_json(consultation, log, moment)
    first = written["asked"][1]["why"][0]
    assert first["finding"] in written["asked"][1]["questions"] and first["level"] == "immediate"
    assert written["status"]["level"] == "routine" and written["how"][0]["about"] == "urgency"
    assert written["screens"] == moment.screens and written["certificate"]["remaining"] == stopped.remaining


def test_a_knowledge_base_without_an_interview_is_asked_by_its_groups(tmp_path: Path) -> None:
    knowledge = load(
        tmp_path, {"cough": yes_no("cough"), "fever": yes_no("fever")}, signs={"ill": {"a": ("cough and fever", "high")}}
    )
    consultation = Consultation(Assessor(knowledge))
    moment = consultation.moment((), "p")
    assert asked(moment).questions == ("cough", "fever")
    _, moment = consultation.answered((), "p", asked(moment).screen.id, {"cough": False}, AT)
    # Without a cough nothing asks for the fever any more.
    assert isinstance(moment.next, Certificate)


def test_what_the_absence_of_one_sign_settles_is_not_asked_beside_it(tmp_path: Path) -> None:
    knowledge = load(
        tmp_path,
        {name: yes_no(name) for name in ("cough", "fever", "rash", "pain")},
        signs={"ill": {"a": ("cough and fever", "high"), "b": ("cough and rash", "high"), "c": ("pain", "high")}},
        more={
            "interview.yaml": {
                "opening": [],
                "most_questions": 4,
                "screens": {
                    "all": {"label": "All", "lead_in": "Any?", "by": "history", "ask": ["fever", "cough", "rash", "pain"]}
                },
            }
        },
    )
    consultation = Consultation(Assessor(knowledge))
    first = consultation.moment((), "p")
    assert asked(first).questions == ("cough", "pain")
    _, denied = consultation.answered((), "p", "all", {"cough": False, "pain": False}, AT)
    assert isinstance(denied.next, Certificate)
    _, moment = consultation.answered((), "p", "all", {"cough": True, "pain": False}, AT)
    assert set(asked(moment).questions) == {"fever", "rash"}


def test_whoever_takes_no_medicine_is_not_asked_after_a_new_one(consultation: Consultation) -> None:
    assert consultation.knowledge.interview.with_medicines == ("cramps_began_after_new_medicine",)
    _, nothing = consultation.answered((), "p", "story", {"medicines": [], "stopped_medicines": []}, AT)
    assert nothing.told.case.findings["cramps_began_after_new_medicine"].value is False
    for lists in ({"medicines": None, "stopped_medicines": []}, {"medicines": ["an herbal tea"], "stopped_medicines": []}):
        _, something = consultation.answered((), "p", "story", lists, AT)
        assert "cramps_began_after_new_medicine" not in something.told.case.findings
    _, told = consultation.changed(
        (), "p", {"medicines": [], "stopped_medicines": [], "cramps_began_after_new_medicine": True}, AT
    )
    assert told.told.case.values["cramps_began_after_new_medicine"] is True


def test_a_yes_to_a_question_of_many_signs_leads_to_each_of_them(consultation: Consultation) -> None:
    log, moment = consultation.answered((), "p", "red_flags", {"other_striking_sign": True}, AT)
    seen: set[str] = set()
    while isinstance(moment.next, ScreenAsked):
        seen.update(moment.next.questions)
        log, moment = consultation.answered(log, "p", moment.next.screen.id, reply(moment.next), AT)
    assert {"seizure", "cold_pale_limb", "saddle_numbness", "spasms_triggered_by_noise_or_touch", "chest_pain"} <= seen


def test_a_report_tells_apart_how_an_answer_came(consultation: Consultation) -> None:
    knowledge = consultation.knowledge
    page = one_screen(knowledge.interview.screens["red_flags"], ("confusion", "fever", "dark_urine", "breathlessness"))
    answers, together = replies.read_reply(page, "2, n1, u3", knowledge)
    assert answers == {"confusion": False, "fever": True, "dark_urine": None, "breathlessness": False}
    assert together == {"breathlessness"}
    log, moment = consultation.answered((), "p", "red_flags", answers, AT, together)
    assert [event.kind for event in log] == ["answered", "denied", "unknown"]
    assert consultation.moment(tuple(Event.from_dict(event.to_dict()) for event in log), "p").told == moment.told
    report = " ".join(FORMATS["text"].render(moment.assessment, knowledge, full=True).split())
    assert "- Confusion: no" in report and "- Fever: yes" in report
    assert "No, with all that a page listed and nobody named: Breathlessness." in report
    assert "Asked, and not known: Dark urine." in report
    assert f"Not asked and not told: {len(knowledge.vocabulary.findings) - 4} others." in report
    assert told_of(how(moment, find("breathlessness", moment, knowledge)), consultation).endswith(f"({DENIED_TOGETHER}).")
    # Asked again by itself it is a "no" of its own.
    _, moment = consultation.changed(log, "p", {"breathlessness": False}, AT)
    assert not moment.told.case.findings["breathlessness"].origin


# Asking back


def told_of(answer: object, consultation: Consultation) -> str:
    return "\n".join(line.plain() for line in explain(answer, consultation.knowledge))


def test_explanations_are_data_without_a_line_of_layout(consultation: Consultation) -> None:
    _, moment = talk(consultation, {"back_pain": True, "sex": "male"})
    reason = why(moment, "saddle_numbness", consultation)
    first = reason.served[0]
    assert (first.kind, first.target, first.level) == ("warns", "suspected_cauda_equina", "immediate")
    effects = {answer.value: answer.difference for answer in reason.answers}
    assert effects[True].level == ("routine", "immediate") and "suspected_cauda_equina" in effects[True].signs
    assert not effects[False].changes_something
    page = why_page(moment, asked(moment))
    assert [question.finding for question in page.questions] == list(asked(moment).questions)
    supposed = what_if(moment, {"pregnant": True}, consultation)
    assert supposed.difference.contradicts and supposed.difference.level == ("routine", "routine")
    assert standing(moment).known == 2 and standing(moment).pages == 1
    written = json.loads(json.dumps(as_plain(reason)))
    assert written["served"][0]["target"] == "suspected_cauda_equina" and written["answers"][0]["value"] is True


def test_no_question_is_asked_that_was_not_foreseen(consultation: Consultation) -> None:
    for present in (("spasm_in_arm", "muscle_weakness"), ("pain_between_spasms",), ("vomiting", "fever")):
        given = {"medicines": [], "stopped_medicines": [], "results": "none"}
        log, moment = consultation.answered((), "p", "story", given, AT)
        limits: list[tuple[int, int]] = []
        shown = 0
        while isinstance(moment.next, ScreenAsked):
            foreseen = foresee(consultation.questioner, moment.known, moment.judgement, moment.prospect, moment.next.questions)
            assert set(moment.next.questions) <= foreseen
            limits.append((shown, standing(moment).questions_at_most))
            shown += len(moment.next.questions)
            answers = {name: name in present for name in moment.next.questions}
            log, moment = consultation.answered(log, "p", moment.next.screen.id, _fitting(answers, consultation), AT)
        assert limits and all(shown - before <= most for before, most in limits)


def test_no_more_questions_follow_than_the_heading_says_if_no_answer_opens_others(consultation: Consultation) -> None:
    given = {"medicines": [], "stopped_medicines": [], "results": "none"}
    for present in ((), ("spasm_in_arm",), ("spasm_in_calf", "cramps_during_sleep"), ("cramps_during_exertion",)):
        story = dict.fromkeys(asked(consultation.moment((), "p")).questions, False)
        answers = {**_fitting(story, consultation), **dict.fromkeys(present, True)}
        log, moment = consultation.answered((), "p", "story", {**answers, **given}, AT)
        most, shown = standing(moment, bound=False).questions_left, 0
        while isinstance(moment.next, ScreenAsked):
            shown += len(moment.next.questions)
            absent = _fitting(dict.fromkeys(moment.next.questions, False), consultation)
            usual = {
                **absent,
                **({"normal_neurological_examination": True} if "normal_neurological_examination" in absent else {}),
            }
            log, moment = consultation.answered(log, "p", moment.next.screen.id, usual, AT)
        assert 0 < shown <= most, present


def _fitting(answers: dict[str, Any], consultation: Consultation) -> dict[str, Any]:
    findings = consultation.knowledge.vocabulary.findings
    return {name: answer if findings[name].kind == "yes_no" else None for name, answer in answers.items()}


def test_why_names_the_rule_what_is_known_and_what_each_answer_does(consultation: Consultation) -> None:
    _, moment = talk(consultation, {"back_pain": True})
    told = told_of(why(moment, "saddle_numbness", consultation), consultation)
    assert "Suspected cauda equina syndrome" in told
    assert "still needed: the saddle area is numb, control of the bladder or bowel has changed" in told
    assert "already known: the patient has back pain" in told
    assert "yes: urgency" in told and "→ Immediate" in told
    told = told_of(why(moment, "serum_potassium", consultation), consultation)
    assert "and 2.5 mmol/L: urgency Routine → Immediate" in told
    told = told_of(why(moment, "back_pain", consultation), consultation)
    assert "It is answered" in told


def test_how_and_why_not(consultation: Consultation) -> None:
    _, moment = talk(consultation, {"serum_potassium": "2.4", "vomiting": None})
    knowledge = consultation.knowledge

    def of(name: str) -> str:
        return told_of(how(moment, find(name, moment, knowledge)), consultation)

    assert "2.4 mmol/L" in of("hypokalemia") and "rule hypokalemia-measured" in of("hypokalemia")
    assert "below 2.5" in of("urgency")
    assert "based on" in of("severe_hypokalemia")
    assert "answered “unknown”" in of("vomiting") and "not asked" in of("diarrhea")
    assert "was not concluded" in of("suspected_tetanus")
    assert "Nothing is known" in of("tetanus")
    assert "is not advised" in of("test-tumor-lysis")
    not_told = told_of(why_not(moment, find("tetanus", moment, knowledge), consultation), consultation)
    assert "is open: it needs" in not_told
    _, moment = talk(consultation, {"urge_to_move_legs": False})
    told = told_of(why_not(moment, find("restless legs syndrome", moment, knowledge), consultation), consultation)
    assert "restless-legs-urge fails" in told and "- excludes" in told


@pytest.mark.parametrize("name", ["hypokalaemia", "", "99"])
def test_an_unknown_name_is_told_with_what_may_have_been_meant(name: str, consultation: Consultation) -> None:
    with pytest.raises(UnknownName):
        find(name, consultation.moment((), "p"), consultation.knowledge)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"serum_potassium": 2.4}, "Low potassium (hypokalemia): no evidence → confirmed"),
        ({"weakness_onset": "sudden"}, "warning sign: Sudden weakness"),
        ({"dry_mouth": False}, "Nothing changes."),
        ({"pregnant": True}, "contradict"),
    ],
)
def test_what_if_tells_the_difference_and_records_nothing(
    answers: dict[str, Value], told: str, consultation: Consultation
) -> None:
    _, moment = talk(consultation, {"sex": "male"})
    assert told in told_of(what_if(moment, answers, consultation), consultation)
    assert moment.told.case.values == {"sex": "male"}


def test_status_tells_what_stands(consultation: Consultation) -> None:
    _, moment = talk(consultation, {"serum_potassium": "2.4", "vomiting": None})
    told = "\n".join(status(moment, consultation.knowledge))
    assert "! Dangerously low potassium (immediate)" in told and "Low potassium (hypokalemia): confirmed" in told
    assert "1 screen" in told and "1 answered “unknown”" in told


# What people type


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    findings = {
        "cough": yes_no("cough"),
        "fever": yes_no("fever"),
        "rash": yes_no("rash"),
        "salt": quantity("salt", accepts=[]),
        "onset": choice("onset", "sudden", "gradual"),
    }
    signs = {"ill": {"a": ("cough and fever and rash", "high")}}
    screen = {"label": "S", "lead_in": "S?", "by": "history", "ask": list(findings)}
    interview = {"opening": [], "written_together": {"salt": "onset"}, "screens": {"s": screen}}
    return load(tmp_path_factory.mktemp("small"), findings, signs=signs, more={"interview.yaml": interview})


def read(
    text: str, small: KnowledgeBase, by: Any = "history", ask: tuple[str, ...] = (), each: tuple[str, ...] = ()
) -> dict[str, Any]:
    names = ask or ("cough", "fever", "rash", "salt", "onset")
    return replies.read_screen(one_screen(Screen("s", "S", "S?", by, names, frozenset(each)), names), text, small)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", {"cough": False, "fever": False, "rash": False}),
        ("NO", {"cough": False, "fever": False, "rash": False}),
        ("unknown", {"cough": None, "fever": None, "rash": None, "salt": None, "onset": None}),
        ("1 3", {"cough": True, "fever": False, "rash": True}),
        ("1-3", {"cough": True, "fever": True, "rash": True}),
        ("1, u2", {"cough": True, "fever": None, "rash": False}),
        ("unknown 2", {"cough": False, "fever": None, "rash": False}),
        ("2 4=3.1 mmol/l 5=sudden", {"cough": False, "fever": True, "rash": False, "salt": 3.1, "onset": "sudden"}),
        ("4=3.1; 5=2", {"salt": 3.1, "onset": "gradual"}),
        ("1=no 2=y, 3", {"cough": False, "fever": True, "rash": True}),
        ("4=3.1, 5=gradual 2", {"salt": 3.1, "onset": "gradual", "cough": False, "fever": True, "rash": False}),
        ("4=3.1 mmol/l g 2-3", {"salt": 3.1, "onset": "gradual", "cough": False, "fever": True, "rash": True}),
        ("sud", {"onset": "sudden"}),
        ("3.1s", {"salt": 3.1, "onset": "sudden"}),
        ("9 s 2", {"salt": 9.0, "onset": "sudden", "cough": False, "fever": True, "rash": False}),
        ("2 s", {"onset": "sudden", "cough": False, "fever": True, "rash": False}),
        ("3.1g 2", {"salt": 3.1, "onset": "gradual", "cough": False, "fever": True, "rash": False}),
        ("3.1mm 1-3", {"salt": 3.1, "cough": True, "fever": True, "rash": True}),
    ],
)
def test_a_reply_names_what_is_so_and_the_rest_is_absent(text: str, expected: dict[str, Any], small: KnowledgeBase) -> None:
    assert read(text, small) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", {"cough": None, "fever": None, "rash": None}),
        ("1", {"cough": True}),
        ("n2 4=1", {"fever": False, "salt": 1.0}),
        ("no 2", {"fever": False}),
    ],
)
def test_on_a_page_of_tests_what_is_not_named_stays_unknown(text: str, expected: dict[str, Any], small: KnowledgeBase) -> None:
    assert read(text, small, "test") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", {"cough": None, "fever": True, "rash": None}),
        ("2 rest no", {"cough": False, "fever": True, "rash": False}),
        ("none", {"cough": False, "fever": False, "rash": False}),
    ],
)
def test_what_was_not_examined_stays_unknown(text: str, expected: dict[str, Any], small: KnowledgeBase) -> None:
    assert read(text, small, "examination") == expected


def test_the_rest_may_be_left_unknown(small: KnowledgeBase) -> None:
    assert read("1, rest unknown", small) == {"cough": True, "fever": None, "rash": None}


def test_silence_says_nothing_of_a_question_that_wants_its_own_answer(small: KnowledgeBase) -> None:
    assert read("none", small, each=("fever",)) == {"cough": False, "rash": False}
    assert read("1 n2", small, each=("fever",)) == {"cough": True, "fever": False, "rash": False}
    assert read("1", small, "examination", each=("fever",)) == {"cough": True, "fever": None, "rash": None}


@pytest.mark.parametrize(("text", "value"), [("y", True), ("no", False), ("u", None)])
def test_a_single_question_is_answered_plainly(text: str, value: bool | None, small: KnowledgeBase) -> None:
    assert read(text, small, ask=("cough",)) == {"cough": value}


def test_a_single_value_needs_no_number(small: KnowledgeBase) -> None:
    assert read("3.1 mmol/l", small, ask=("salt",)) == {"salt": 3.1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "type the numbers"),
        ("7", "there is no 7"),
        ("0 1", "there is no 0"),
        ("cough", "expected numbers"),
        ("4", "needs a value"),
        ("4=lots", "a number in mmol/L was expected"),
        ("4=99", "outside the plausible range"),
        ("5=9", "expected a number from 1 to 2"),
        ("1-999999999", "there is no 999999999"),
        ("3.1s 4.1mm", "gives salt a second time"),
        ("3.1x", "expected numbers"),
        ("1 n1", "is answered twice, and not alike"),
        ("1-3 u2", "is answered twice, and not alike"),
        ("4=3.1 1 4=3.6", "is answered twice, and not alike"),
        ("1=0", "expected yes or no"),
        ("1=1", "expected yes or no"),
    ],
)
def test_a_reply_that_cannot_be_read_is_explained(text: str, told: str, small: KnowledgeBase) -> None:
    with pytest.raises(replies.ReplyError, match=told):
        read(text, small)


def test_medicines_are_listed_with_commas() -> None:
    assert replies.read_medicines("HCTZ 25 mg, Ventolin;  aspirin") == ["HCTZ 25 mg", "Ventolin", "aspirin"]
    assert replies.read_medicines("none") == [] and replies.read_medicines("unknown") is None
    with pytest.raises(replies.ReplyError):
        replies.read_medicines(" ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("furo", "furosemide"),
        ("Salbu", "salbutamol"),
        ("fur", "fur"),
        ("hydro", "hydro"),
        ("furosemid", "furosemid"),
        ("K 20", "K 20"),
    ],
)
def test_the_beginning_of_one_medicine_is_written_out(typed: str, meant: str, consultation: Consultation) -> None:
    assert replies.write_out(typed, consultation.knowledge.dictionary) == meant


def test_stopped_medicines_have_times() -> None:
    assert replies.read_stopped("diazepam 5 mg 3 days ago after 26 weeks, zopiclone 2 weeks ago, baclofen") == [
        {"name": "diazepam 5 mg", "days_ago": 3.0, "after_weeks": 26.0},
        {"name": "zopiclone", "days_ago": 14.0},
        {"name": "baclofen"},
    ]
    with pytest.raises(replies.ReplyError):
        replies.read_stopped("3 days ago")


def test_replay_reads_medicines_like_a_case_file(consultation: Consultation) -> None:
    log, _ = talk(consultation, {"medicines": ["HCTZ 25 mg"], "stopped_medicines": [{"name": "diazepam", "days_ago": 3}]})
    told = replay(log, consultation.knowledge, "p")
    assert told.lists_asked and told.case.values["takes_thiazide_diuretic"] is True
