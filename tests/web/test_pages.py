"""The pages of a consultation as a clinician meets them, without a browser: the same interview as in the terminal."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor
from expert.web.access.audit import entries
from expert.web.pages.consulting import warm
from facts.intake.case_files import read_case_files
from knowledge_base.loading import load_knowledge_base
from reports.formats import HTML
from tests.web.browsing import Browser, application, fill_in, service_of, signed_in

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "facts" / "examples"


def session_of(browser: Browser, service: Any, here: str) -> Any:
    store = service_of(service).store
    return store.load_owned(here.rsplit("/", 1)[1], "")


def hold(browser: Browser, here: str, **of_page: dict[str, str]) -> list[str]:
    """Answer pages by heading, and leave every other open, to the end; gives the headings."""
    headings: list[str] = []
    while 'name="screen"' in browser.text:
        assert len(headings) < 40
        headings.append(browser.heading())
        given = of_page.get(browser.hidden("screen"))
        response = browser.answer(here, **given) if given and headings.count(headings[-1]) == 1 else browser.leave_open(here)
        assert response.status_code == 200, browser.text
    return headings


def test_the_page_asks_what_the_terminal_asks_and_concludes_the_same(
    browser: Browser, service: Any, consultation: Consultation
) -> None:
    knowledge = consultation.knowledge
    case = read_case_files([EXAMPLES / "night-cramps-on-a-diuretic.yaml"], knowledge.vocabulary, knowledge.dictionary).cases[0][
        0
    ]
    _, expected = consultation.scripted(case, lambda: "")
    here = browser.begin(case.name)
    moment = consultation.moment((), case.name)
    while isinstance(moment.next, ScreenAsked):
        assert browser.hidden("screen") == moment.next.screen.id
        assert [name for name in browser.questions() if name in knowledge.vocabulary.findings] == list(moment.next.questions)
        browser.answer(here, **fill_in(moment.next, consultation.reply(moment.next, case)))
        assert browser.page.status_code == 200, browser.text
        session = session_of(browser, service, here)
        moment = consultation.moment(session.log, session.name)
    assert "Nothing that matters is left to ask" in browser.text
    # What to do first stands there, and not only behind a link.
    first = [step.do for step in moment.assessment.next_steps if step.do_now and not step.done]
    assert first and all(f"<li>{escape(step)}</li>" in browser.text for step in first)
    # What is left open of the story was not asked; a file that does not tell it says that nobody knows.
    assert replace(moment.assessment.urgency, not_known=()) == replace(expected.assessment.urgency, not_known=())
    assert [cause.standing for cause in moment.assessment.causes] == [cause.standing for cause in expected.assessment.causes]
    browser.open(f"{here}/report")
    # The report of the page is that of `charley report`, with another head, and with how the consultation moved.
    ours, theirs = (
        text.split("<main>")[1].split("</main>")[0] for text in (browser.text, HTML.render(moment.assessment, knowledge))
    )
    before, moved, after = re.split(r'(<section aria-labelledby="moved">.*?</section>\n)', ours, flags=re.DOTALL)
    assert before + after == theirs
    assert "Step 1, with" in moved and "<svg" in moved


def test_what_has_no_answer_is_never_no(browser: Browser, service: Any) -> None:
    here = browser.begin_with_red_flags()
    response = browser.answer(here, fever="no")
    assert response.status_code == 422
    assert "questions have no answer" in browser.text and "Nothing was recorded" in browser.text
    assert {event.screen for event in session_of(browser, service, here).log} == {"story"}
    # What was filled in stands there still.
    assert 'name="answer.fever" value="no" checked' in browser.text
    browser.answer(here, fever="no", rest="unknown")
    log = session_of(browser, service, here).log
    answers = {name: value for event in log if event.screen == "red_flags" for name, value in event.answers.items()}
    assert answers.pop("fever") is False and set(answers.values()) == {None}


def test_silence_is_what_the_button_says_and_covers_no_more(browser: Browser, service: Any) -> None:
    here = browser.begin()
    assert "what is not ticked was asked, and is absent" in browser.text
    assert "Fields and yes/no questions left open were not asked" in browser.text
    lists = {"current": "none", "stopped": "none", "results": "none"}
    assert (
        browser.answer(
            here,
            rest="no",
            spasm_in_calf="yes",
            cramps_during_sleep="yes",
            cramp_is_painful="yes",
            relieved_by_stretching="yes",
            **lists,
        ).status_code
        == 200
    )
    told = answers_in(browser, service, here)
    assert told["relieved_by_stretching"] is True and told["spasm_in_hand"] is False and told["medicines"] == []
    # What has to be tried, counted or said is not absent for being left out, and not recorded as unknown either.
    assert {"visible_muscle_hardening", "cramp_duration", "age", "both_sides_affected"}.isdisjoint(told)
    assert "the rest was asked, and is absent" in browser.text
    browser.post(f"{here}/answers", {"after": browser.hidden("after"), "told": "a hard knot in the muscle, both sides"})
    headings = []
    while "absent_foot_pulses" not in browser.questions():
        headings.append(browser.heading())
        assert len(headings) < 8, headings
        browser.answer(here, rest="no")
    assert "the rest was examined, and is absent" in browser.text and "the rest was not examined" in browser.text
    assert "Left open, these stay unknown either way: a normal neurological examination" in browser.text
    browser.answer(here, rest="no")
    told = answers_in(browser, service, here)
    assert told["normal_neurological_examination"] is None and told["absent_foot_pulses"] is False


def test_results_and_complaints_are_told_by_name_and_what_is_not_understood_is_explained(
    browser: Browser, service: Any
) -> None:
    here = browser.begin()
    lists = {"current": "none", "stopped": "none"}
    assert browser.answer(here, rest="no", results_told="Kalium-ish 3", **lists).status_code == 422
    assert "nothing here is called" in browser.text
    assert browser.answer(here, rest="no", results_told="K 2.9", results="none", **lists).status_code == 422
    assert browser.answer(here, rest="no", told="calf", **lists).status_code == 422 and "may be" in browser.text
    told = {"results_told": "K 2.9, CK 340", "told": "dirty wound, no fever"}
    assert browser.answer(here, rest="no", **told, **lists).status_code == 200
    recorded = answers_in(browser, service, here)
    assert (recorded["serum_potassium"], recorded["creatine_kinase"], recorded["recent_dirty_wound"]) == (2.9, 340, True)
    assert recorded["fever"] is False and recorded["results"] == "some"
    # The same at any later time, from the list of answers.
    fields = {"after": browser.hidden("after"), "told": "tingling lips"}
    assert browser.post(f"{here}/answers", fields).status_code == 200
    assert answers_in(browser, service, here)["tingling_around_mouth_or_fingers"] is True
    fields = {"after": browser.hidden("after"), "told": "calf"}
    assert browser.post(f"{here}/answers", fields).status_code == 422
    assert "may be one of these" in browser.text and "A calf injury: yes" in browser.text


def test_the_medicine_lists_are_changed_where_they_stand(browser: Browser, service: Any) -> None:
    here = browser.begin()
    browser.answer(here, rest="no", current_list="HCTZ 25 mg", stopped="none", results="none")
    assert "<strong>HCTZ 25 mg</strong>" in browser.text and "<strong>Same day</strong>" in browser.text
    browser.open(f"{here}/answers")
    assert ">HCTZ 25 mg</textarea>" in browser.text
    fields = {"after": browser.hidden("after"), "lists": "yes", "current": "none", "stopped": "none"}
    assert browser.post(f"{here}/answers", fields).status_code == 200
    assert "<strong>Not decided</strong>" in browser.text and "Same day</strong>" not in browser.text
    assert answers_in(browser, service, here)["medicines"] == []


def answers_in(browser: Browser, service: Any, here: str) -> dict[str, Any]:
    return {name: value for event in session_of(browser, service, here).log for name, value in event.answers.items()}


def test_unknown_is_as_easy_as_yes(browser: Browser) -> None:
    browser.begin_with_red_flags()
    for name in browser.questions():
        assert browser.text.count(f'name="answer.{name}" value="unknown"') == 1
        assert f'name="answer.{name}" value="yes" checked' not in browser.text


def test_the_urgency_is_always_in_sight_with_its_ceiling(browser: Browser) -> None:
    here = browser.begin()
    for path in (here, f"{here}/answers"):
        browser.open(path)
        assert (
            '<span class="label">Urgency</span> <strong>Not decided</strong>' in browser.text and "Routine" not in browser.text
        )
        assert '<span class="label">Could still be</span> <strong>Immediate</strong>' in browser.text
        assert "An answer that was not given is not an all-clear" in browser.text
    browser.open(here)
    assert '<span class="label">Could still be</span> <strong>Immediate</strong> <span class="says">if ' in browser.text


def test_a_danger_interrupts_with_why_and_what_to_do_and_undo_takes_it_back(browser: Browser) -> None:
    here = browser.begin_with_red_flags(generalized_cramps="yes")
    browser.answer(here, fever="yes", rest="no")
    assert 'role="alert"' in browser.text and "fever" in browser.text and "Call an ambulance" in browser.text
    assert '<span class="label">Urgency</span> <strong>Immediate</strong>' in browser.text
    browser.post(f"{here}/undo", {"after": browser.hidden("after")})
    assert browser.heading() == "Red flags"
    assert 'class="danger"' not in browser.text and "<strong>Same day</strong>" in browser.text
    browser.post(f"{here}/undo", {"after": browser.hidden("after")})
    assert browser.heading() == "The story"
    assert browser.post(f"{here}/undo", {"after": browser.hidden("after")}).status_code == 409
    assert "nothing to take back" in browser.text


def test_it_answers_when_it_is_asked_back_and_keeps_what_was_filled_in(browser: Browser, service: Any) -> None:
    here = browser.begin_with_red_flags()
    browser.post(here, {"ask": "why:fever", "answer.confusion": "yes"})
    assert "WHY Does the patient have a fever?" in browser.text and "What an answer would do" in browser.text
    assert 'name="answer.confusion" value="yes" checked' in browser.text
    for fields, says in (
        ({"ask": "why_page"}, "could raise the urgency to Immediate"),
        ({"ask": "why_not", "about": "Low potassium (hypokalemia)"}, "WHY NOT “Low potassium (hypokalemia)”"),
        ({"ask": "how", "about": "urgency"}, "HOW urgency"),
        ({"ask": "what_if", "supposed": "serum potassium", "value": "2.4"}, "no evidence → confirmed"),
        ({"ask": "what_if", "supposed": "serum potassium", "value": "unknown"}, "changes nothing"),
        ({"ask": "what_if", "supposed": "serum potassium", "value": "240"}, "outside the plausible range"),
        ({"ask": "how", "about": "hypokalaemia of dragons"}, "is not known here"),
        ({"ask": "why:hypokalemia"}, "Only of a question"),
        ({"ask": "what_if", "supposed": "hypokalemia", "value": "1"}, "Only an answer"),
    ):
        assert browser.post(here, fields).status_code == 200
        assert says in browser.text, fields
    assert browser.post(here, {"ask": "drop table"}).status_code == 400
    assert {event.screen for event in session_of(browser, service, here).log} == {"story"}


def test_only_the_reply_is_sent_where_only_that_is_wanted(browser: Browser) -> None:
    here = browser.begin_with_red_flags()
    reply = browser.client.post(here, data={"csrf": browser.token, "ask": "why:fever"}, headers={"hx-request": "true"})
    assert reply.text.lstrip().startswith('<div class="told">') and "<html" not in reply.text
    browser.client.cookies.clear()
    gone = browser.client.post(here, data={"ask": "why:fever"}, headers={"hx-request": "true"})
    assert gone.status_code == 401 and gone.headers["hx-redirect"] == "/sign-in"


def test_medicines_are_said_back_as_they_were_understood(browser: Browser) -> None:
    here = browser.begin()
    assert browser.answer(here, rest="no").status_code == 422
    assert "write the medicines" in browser.text
    assert browser.answer(here, current="none", current_list="HCTZ", stopped="none", rest="no").status_code == 422
    assert "keep one" in browser.text
    browser.answer(here, current_list="HCTZ 25 mg\nzzyzx", stopped_list="Valium 3 days ago", rest="no")
    assert "<strong>HCTZ 25 mg</strong>: hydrochlorothiazide" in browser.text
    assert "<strong>Valium</strong>: diazepam" in browser.text
    assert "<strong>zzyzx</strong>" in browser.text
    assert "<strong>Same day</strong>" in browser.text


def test_a_value_that_cannot_be_is_explained_beside_its_question(browser: Browser, service: Any) -> None:
    here = browser.begin()
    lists = {"current": "none", "stopped": "none"}
    for text, says in (("old", "found"), ("670", "plausible range"), ("6" * 500, "500 characters")):
        assert browser.answer(here, age=text, rest="unknown", **lists).status_code == 422
        assert says in browser.text and 'aria-invalid="true"' in browser.text
    fields = {"after": browser.hidden("after"), "answer.age": "67", "unknown.age": "yes", "rest": "unknown", **lists}
    assert browser.post(here, fields).status_code == 422
    assert "keep one of them" in browser.text
    browser.answer(here, age="67", rest="unknown", **lists)
    told = {name: value for event in session_of(browser, service, here).log for name, value in event.answers.items()}
    assert told["age"] == 67


def test_answers_that_contradict_each_other_are_explained_and_not_recorded(browser: Browser, service: Any) -> None:
    here = browser.begin()
    browser.leave_open(here)
    for finding, value, status in (("sex", "male", 200), ("pregnant", "yes", 422)):
        browser.open(f"{here}/answers")
        fields = {"after": browser.hidden("after"), "finding": finding, "value": value}
        assert browser.post(f"{here}/answers", fields).status_code == status
    assert "contradict" in browser.text and "pregnant is yes, but sex is male" in browser.text
    assert answers_in(browser, service, here)["sex"] == "male" and "pregnant" not in answers_in(browser, service, here)
    # Of a man nobody asks it.
    browser.open(here)
    for _ in range(12):
        assert "pregnant" not in browser.questions()
        if 'name="screen"' in browser.text:
            browser.leave_open(here)


def test_an_answer_is_changed_wherever_it_was_given(browser: Browser, service: Any) -> None:
    here = browser.begin_with_red_flags()
    browser.answer(here, rest="no")
    browser.open(f"{here}/answers")
    assert "Fever:" in browser.text
    assert browser.post(f"{here}/answers", {"after": "1", "finding": "fever", "value": "yes"}).status_code == 409
    after = browser.hidden("after")
    assert browser.post(f"{here}/answers", {"after": after, "finding": "fever", "value": "maybe"}).status_code == 422
    assert "found" in browser.text and "Nothing was changed" in browser.text
    assert browser.post(f"{here}/answers", {"after": after, "finding": "nothing", "value": "yes"}).status_code == 422
    assert browser.post(f"{here}/answers", {"after": after, "finding": "fever", "value": "yes"}).status_code == 200
    assert "<strong>Immediate</strong>" in browser.text and "Fever with spasms" in browser.text


def test_an_answer_without_what_it_requires_is_refused_and_a_change_says_what_it_closes(browser: Browser, service: Any) -> None:
    here = browser.begin()
    browser.leave_open(here)

    def change(finding: str, value: str) -> int:
        browser.open(f"{here}/answers")
        fields = {"after": browser.hidden("after"), "finding": finding, "value": value}
        return int(browser.post(f"{here}/answers", fields).status_code)

    assert change("muscle_weakness", "no") == 200
    assert change("weakness_onset", "sudden") == 422
    assert "muscle_weakness is no, but weakness_onset is sudden; if muscle_weakness is yes after all" in browser.text
    browser.post(here, {"ask": "what_if", "supposed": "weakness_onset", "value": "sudden"})
    assert "what if muscle_weakness=yes, weakness_onset=sudden" in browser.text
    browser.post(here, {"ask": "what_if", "supposed": "muscle_weakness=yes, weakness_onset", "value": "sudden"})
    assert "urgency Routine → Immediate" in browser.text
    assert change("muscle_weakness", "yes") == change("weakness_onset", "sudden") == change("muscle_weakness", "no") == 200
    assert "No longer recorded, because it depends on that: the onset of the weakness (sudden)" in browser.text


def test_two_tabs_do_not_overwrite_each_other(browser: Browser, service: Any) -> None:
    here = browser.begin_with_red_flags()
    browser.answer(here, fever="yes", rest="no")
    # The first page, sent once more from another tab.
    response = browser.post(here, {"after": "1", "answer.fever": "no", "rest": "no"})
    assert response.status_code == 409 and "went on elsewhere" in browser.text
    assert browser.heading() != "Red flags"
    assert sum(len(event.answers) for event in session_of(browser, service, here).log if "fever" in event.answers) > 0
    assert "<strong>Immediate</strong>" in browser.text


def test_a_link_resumes_where_it_was_left_also_after_a_restart(
    browser: Browser, consultation: Consultation, tmp_path: Path
) -> None:
    here = browser.begin("bed 7")
    browser.leave_open(here)
    again = signed_in(application(consultation, tmp_path))
    assert "bed 7" in again.open("/").text
    again.open(here)
    assert again.heading() == "Red flags" and re.search(r"Page 2 · at most \d more as it stands · bed 7<", again.text)


def test_pages_that_are_made_beforehand_leave_nothing_behind(browser: Browser, service: Any) -> None:
    before = [(entry.did, entry.consultation) for entry in entries(service_of(service).store)]
    warm(service_of(service))
    assert service_of(service).store.sessions() == []
    assert [(entry.did, entry.consultation) for entry in entries(service_of(service).store)] == before
    browser.begin()
    assert browser.heading() == "The story"


def test_progress_ends(browser: Browser) -> None:
    here = browser.begin()
    bounds = []
    while found := re.search(r"Page (\d+) · (?:at most (\d+) more|the last) as it stands", browser.text):
        assert int(found[1]) == len(bounds) + 1
        bounds.append(int(found[2] or 0))
        browser.leave_open(here)
    # It never grows while nothing new is answered, and the last page is called the last.
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] == 0
    assert len(bounds) - 1 <= bounds[0]


def test_whoever_wants_more_goes_on_after_the_stop(browser: Browser, service: Any) -> None:
    here = browser.begin()
    while 'name="screen"' in browser.text:
        browser.leave_open(here)
    assert f'href="{here}?more=yes">Go on asking<' in browser.text
    stopped = session_of(browser, service, here).log
    # "Unknown" was said of what could change anything pertinent; what nothing suggests was not asked at all.
    going_on = f"{here}?more=yes"
    browser.open(going_on)
    first = browser.questions()
    assert first and f'action="{going_on}"' in browser.text
    assert {name for event in stopped for name in event.answers}.isdisjoint(first)
    browser.answer(going_on, rest="unknown")
    assert browser.page.url.query == b"more=yes" and browser.questions() != first
    assert [event.screen for event in session_of(browser, service, here).log] != [event.screen for event in stopped]
    # Undo, a change and the report lead back to the same place; the plain address to where it had stopped.
    browser.post(f"{here}/undo?more=yes", {"after": browser.hidden("after")})
    assert browser.page.url.query == b"more=yes" and browser.questions() == first
    assert f'href="{going_on}"' in browser.open(f"{here}/report?more=yes").text
    browser.open(here)
    assert "Nothing that matters is left to ask" in browser.text and "Go on asking" in browser.text


def test_untrusted_text_means_only_itself(browser: Browser) -> None:
    evil = "<b>x</b>\"'><script>alert(1)</script>\u202eevil"
    here = browser.begin(evil)
    assert browser.answer(here, current="none", stopped="none", told=evil, rest="no").status_code == 422
    assert "<b>x" not in browser.text and "<script>alert" not in browser.text and "\u202e" not in browser.text
    browser.answer(here, current_list=evil, stopped="none", rest="no")
    for path in (here, f"{here}/report", f"{here}/answers", "/"):
        browser.open(path)
        assert "<b>x" not in browser.text and "<script>alert" not in browser.text and "\u202e" not in browser.text


def test_answers_that_other_knowledge_does_not_know_are_not_guessed_at(browser: Browser, tmp_path: Path) -> None:
    here = browser.begin()
    browser.answer(here, current="none", stopped="none", rest="no")
    foreign = Consultation(Assessor(load_knowledge_base(ROOT / "tests" / "foreign" / "headaches")))
    other = signed_in(application(foreign, tmp_path))
    assert other.open(here).status_code == 409 and "do not fit the knowledge base" in other.text


def test_it_runs_on_foreign_knowledge(tmp_path: Path) -> None:
    foreign = Consultation(Assessor(load_knowledge_base(ROOT / "tests" / "foreign" / "headaches")))
    browser = signed_in(application(foreign, tmp_path))
    here = browser.begin()
    hold(browser, here)
    browser.open(f"{here}/report")
    assert browser.page.status_code == 200 and "cramp" not in browser.text.lower().replace("charley", "")


def test_everything_unknown_comes_to_an_end_that_says_what_that_keeps_open(browser: Browser) -> None:
    here = browser.begin()
    hold(browser, here)
    assert "keeps open" in browser.text and "Could still be" in browser.text
    # Asking back works at the end too.
    assert browser.post(here, {"ask": "why_page"}).status_code == 200


# Case files and the handbook


def test_a_case_file_that_is_dropped_gives_its_report(browser: Browser, service: Any) -> None:
    browser.open("/case-files")
    content = (EXAMPLES / "weakness-and-twitching.yaml").read_bytes()
    browser.post("/case-files", files={"file": ("patient of ward 7.yaml", content)})
    assert browser.page.status_code == 200 and "What was recorded" in browser.text and "Another case file" in browser.text
    store = service_of(service).store
    assert store.sessions() == []


def test_a_file_of_several_cases_gives_a_list_and_each_report(browser: Browser) -> None:
    browser.open("/case-files")
    content = b"\n---\n".join(path.read_bytes() for path in sorted(EXAMPLES.glob("*.yaml")))
    browser.post("/case-files", files={"file": ("clinic.yaml", content)})
    assert "4 of 4 cases in clinic.yaml" in browser.text
    fields = {"file_name": browser.hidden("file_name"), "content": browser.hidden("content"), "place": "3"}
    browser.post("/case-files", fields)
    assert "What was recorded" in browser.text


def test_a_pasted_case_with_slips_is_refused_with_its_places_and_the_rest_goes_on(browser: Browser) -> None:
    browser.open("/case-files")
    text = "case: one\nfindings:\n  serum_potasium: 3\n---\ncase: two\nfindings:\n  fever: yes\n"
    browser.post("/case-files", {"text": text})
    assert "text.yaml:3:3" in browser.text and "did you mean serum_potassium" in browser.text
    assert "<h1>two</h1>" in browser.text and "charley-" not in browser.text
    browser.open("/case-files")
    assert browser.post("/case-files", {"text": text.split("---", maxsplit=1)[0]}).status_code == 422
    assert "text.yaml:3:3" in browser.text and "serum_potasium: 3" in browser.text


@pytest.mark.parametrize("name", ["x.json", "x.yaml", "x.jsonl", "../../etc/passwd", "", "x" * 300])
def test_garbage_is_refused_in_words(browser: Browser, name: str) -> None:
    for content in (b"\x00\xff\xfe", b"{" * 5_000, b"\xff" * 100, b"- - -", b"[1,", b"a: &a [*a]"):
        browser.open("/case-files")
        browser.post("/case-files", files={"file": (name or "f", content)})
        told = (browser.page.status_code, "Refused" in browser.text, "charley-" in browser.text)
        assert told == (422, True, False), content


def test_nothing_is_asked_for_and_what_is_handed_back_must_be_whole(browser: Browser) -> None:
    browser.open("/case-files")
    assert browser.post("/case-files").status_code == 422
    assert "nothing was given" in browser.text
    assert browser.post("/case-files", {"content": "%%%"}).status_code == 400


def test_the_handbook_can_be_read(browser: Browser) -> None:
    assert browser.open("/handbook?all=1").status_code == 200
    assert "hypokalemia-measured" in browser.text


def test_the_handbook_is_searched_and_has_a_page_for_each_entry(browser: Browser) -> None:
    assert browser.open("/handbook").status_code == 200
    everything = browser.text.count('<a href="/handbook/')
    assert everything > 300 and "hypokalemia-measured" not in browser.text
    browser.open("/handbook?words=POTASSIUM+dialysis")
    assert 0 < browser.text.count('<a href="/handbook/') < everything / 4
    assert 'href="/handbook/advise-low-potassium-on-dialysis"' in browser.text
    assert browser.open("/handbook/hypokalemia").status_code == 200
    assert "<h1>Low potassium (hypokalemia)</h1>" in browser.text and "hypokalemia-measured" in browser.text
    assert browser.open("/handbook/nothing_of_the_kind").status_code == 404
    browser.open("/handbook?words=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "0 found" in browser.text and "<script>alert" not in browser.text


def test_a_name_that_is_too_long_is_refused_in_words(browser: Browser) -> None:
    browser.open("/")
    assert browser.post("/consultations", {"name": "x" * 300}).status_code == 422
    assert "200 characters" in browser.text


# Whether it is well


def test_what_watches_over_the_service_needs_no_sign_in_and_learns_nothing(consultation: Consultation, tmp_path: Path) -> None:
    behind = application(
        consultation, tmp_path, trusted_header="X-Remote-User", trusted_proxies=("10.0.0.1",), host_names=("clinic.example",)
    )
    for watching in (Browser(application(consultation, tmp_path)), Browser(behind, base="https://clinic.example")):
        told = watching.client.get("/healthz")
        assert told.status_code == 200 and told.json() == {"status": "ok", "knowledge": consultation.knowledge.hash}
        assert "set-cookie" not in told.headers and told.headers["cache-control"] == "no-store"
    assert Browser(behind, base="https://clinic.example").client.get("/").status_code == 403


def test_a_store_that_is_gone_is_not_well(browser: Browser, service: Any) -> None:
    browser.begin("a name")
    with closing(sqlite3.connect(service_of(service).settings.store)) as connection:
        connection.execute("ALTER TABLE session RENAME TO lost")
    told = browser.client.get("/healthz")
    assert told.status_code == 503 and told.json() == {"status": "the store cannot be used"}
