"""The leaflet: half a page that patients can read, with the verdict of the clinician's page and no more comfort than it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import textstat
from playwright.sync_api import Browser

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase
from reports.arranged.leaflet import LeafletShown, leaflet
from reports.formats import HTML, LEAFLETS
from tests.functional.charley import charley

EXAMPLE = Path("facts/examples/typical-night-cramps.yaml")
FOREIGN = Path("tests/foreign/headaches")
GRADE = 7
HALF_OF_A4 = 148.5 / 25.4 * 96
"""CSS pixels."""


@pytest.fixture(scope="module")
def leaflets(assessments: Mapping[str, Assessment], knowledge: KnowledgeBase) -> Mapping[str, LeafletShown]:
    return {name: leaflet(one, knowledge) for name, one in assessments.items()}


def words(shown: LeafletShown) -> str:
    """Everything that a patient reads, as sentences."""
    help_ = [f"{text}." for text in shown.help]
    return " ".join(
        [shown.verdict, *shown.because, shown.lead_in, *shown.causes, *shown.to_do, *shown.then, *help_, shown.mark]
    )


def test_a_twelve_year_old_can_read_every_leaflet(leaflets: Mapping[str, LeafletShown]) -> None:
    grades = {name: textstat.flesch_kincaid_grade(words(shown)) for name, shown in leaflets.items()}
    assert {name: grade for name, grade in grades.items() if grade > GRADE} == {}


def test_every_sentence_that_can_stand_on_a_leaflet_is_plain(knowledge: KnowledgeBase) -> None:
    told = knowledge.leaflet
    assert told is not None
    all_of_it = [*told.causes.values(), *told.warning_signs.values(), *told.you.values(), *told.doctor.values()]
    # A sentence alone is judged by few words, of which a "potassium" or an "ibuprofen" may be one.
    assert [text for text in all_of_it if textstat.flesch_kincaid_grade(text) > GRADE + 2] == []
    assert [text for text in all_of_it if max(map(len, map(str.split, re.split(r"[.!?:]", text)))) > 25] == []


def test_no_term_of_the_trade_stands_on_a_leaflet(leaflets: Mapping[str, LeafletShown], knowledge: KnowledgeBase) -> None:
    """Labels have the plain words first and the term in brackets: "Low potassium (hypokalemia)"."""
    labels = [cause.label for cause in knowledge.causes.values()] + [sign.label for sign in knowledge.warning_signs.values()]
    terms = {term.lower() for label in labels for term in re.findall(r"\(([a-z]+)\)", label)} - {"injury", "jerks"}
    assert {"hypokalemia", "myopathy", "rhabdomyolysis"} & terms
    used = {(name, term) for name, shown in leaflets.items() for term in terms if term in words(shown).lower()}
    assert used == set()


def test_the_verdict_is_that_of_the_page(
    leaflets: Mapping[str, LeafletShown], assessments: Mapping[str, Assessment], knowledge: KnowledgeBase
) -> None:
    told = knowledge.leaflet
    assert told is not None
    for name, shown in leaflets.items():
        urgency = assessments[name].urgency
        verdict = told.verdicts[urgency.level]
        assert shown.verdict.startswith(verdict.decided if urgency.decided else verdict.open), name
    assert len({text for verdict in told.verdicts.values() for text in (verdict.decided, verdict.open)}) >= 7


def test_what_is_open_is_never_called_harmless(
    leaflets: Mapping[str, LeafletShown], assessments: Mapping[str, Assessment]
) -> None:
    comfort = re.compile(r"not urgent|harmless|no danger|do not worry|nothing serious|is enough", re.IGNORECASE)
    undecided = [name for name, one in assessments.items() if not one.urgency.decided]
    assert len(undecided) > 10
    assert [name for name in undecided if comfort.search(words(leaflets[name]))] == []


def test_every_leaflet_says_when_to_call_and_who_has_not_checked_it(leaflets: Mapping[str, LeafletShown]) -> None:
    for name, shown in leaflets.items():
        assert len(shown.help) >= 6 and shown.to_do and "not checked by a clinician" in shown.mark, name


def test_what_the_plan_withholds_is_not_given_on_the_leaflet(
    leaflets: Mapping[str, LeafletShown], assessments: Mapping[str, Assessment], knowledge: KnowledgeBase
) -> None:
    """The plan is proved free of contradictions; what stands for its steps must be too."""
    drinking = {"give": re.compile(r"^Drink (?!no|nothing)|salty drinks"), "withhold": re.compile(r"[Dd]rink no|nothing")}
    seen = set()
    for name, one in assessments.items():
        topics = [knowledge.next_steps[step.id].topics for step in one.next_steps if not step.done]
        told = {topic["oral_fluids"] for topic in topics if "oral_fluids" in topic}
        seen |= told
        for direction in told:
            against = drinking["withhold" if direction == "give" else "give"]
            assert not [text for text in leaflets[name].to_do if against.search(text)], name
    assert seen == {"give", "withhold"}


def test_the_words_of_a_leaflet_are_complete(knowledge: KnowledgeBase) -> None:
    told = knowledge.leaflet
    assert told is not None
    assert set(told.causes) == set(knowledge.causes)
    assert set(told.warning_signs) == set(knowledge.warning_signs)
    assert {*told.you, *told.doctor, *told.not_told} == set(knowledge.next_steps)


def test_a_printed_leaflet_is_half_a_page(
    assessments: Mapping[str, Assessment], knowledge: KnowledgeBase, chromium: Browser
) -> None:
    sheet = chromium.new_page(viewport={"width": 718, "height": 1000})
    sheet.emulate_media(media="print")
    heights = {}
    for name, one in assessments.items():
        sheet.set_content(LEAFLETS["html"].render(one, knowledge))
        heights[name] = sheet.evaluate("document.body.getBoundingClientRect().height")
    sheet.close()
    assert {name: height for name, height in heights.items() if height > HALF_OF_A4} == {}


def test_a_link_on_the_report_shows_and_prints_the_leaflet_alone(
    assessments: Mapping[str, Assessment], knowledge: KnowledgeBase, chromium: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(HTML.render(assessments["typical night cramps"], knowledge), encoding="utf-8")
    sheet = chromium.new_page()
    sheet.goto(file.as_uri())
    assert not sheet.is_visible("#leaflet")
    sheet.click("text=For the patient")
    assert sheet.is_visible("#leaflet") and not sheet.is_visible("#do-now")
    assert "This is not urgent" in sheet.inner_text("body")
    sheet.click("text=Back to the report")
    assert sheet.is_visible("#do-now") and not sheet.is_visible("#leaflet")
    sheet.close()


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_name_cannot_do_harm_on_a_leaflet(form: str, assessor: Assessor, tmp_path: Path) -> None:
    name = "<script>alert(1)</script> [x](javascript:alert(1)) \u001b[31m"
    file = tmp_path / "case.json"
    file.write_text(json.dumps({"case": name, "findings": {"age": 50}}), encoding="utf-8")
    knowledge = assessor.knowledge
    case = read_case_files([file], knowledge.vocabulary, knowledge.dictionary).cases[0][0]
    told = LEAFLETS[form].render(assessor.assess(case), knowledge)
    assert "\x1b" not in told
    if form == "markdown":
        assert not re.search(r"(?<!\\)(<|\]\()", told)
    if form == "html":
        assert "<script" not in told


def test_the_command_writes_leaflets(tmp_path: Path) -> None:
    done = charley("report", EXAMPLE, "--audience", "patient")
    assert done.status == 0 and done.out.startswith("YOUR MUSCLE CRAMPS\n")
    assert charley("report", EXAMPLE, "--audience", "patient", "--format", "html", "--output", f"{tmp_path}/").status == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".html"]


@pytest.mark.parametrize("more", [["--format", "json"], ["--full"]])
def test_a_leaflet_has_no_longer_form(more: list[str]) -> None:
    done = charley("report", EXAMPLE, "--audience", "patient", *more)
    assert done.status == 2 and "--audience patient is half a page, as text, markdown, html" in done.err


def test_knowledge_without_plain_words_says_so() -> None:
    done = charley("report", FOREIGN / "case.yaml", "--audience", "patient", "--knowledge", FOREIGN)
    assert done.status == 1 and "this knowledge base has no words for patients; add leaflet.yaml to it" in done.err
