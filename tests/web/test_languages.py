"""The pages follow the browser's language: the same consultation, in German for one visit and in English for the next."""

from typing import Any

import pytest

from expert.consultation.asking.next_question import ScreenAsked
from expert.consultation.moments import Consultation
from expert.web.languages import preferred
from knowledge_base.translating import knowledge_catalog
from tests.web.browsing import Browser

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH;q=0.8, fr", "de"),
        ("en-US,de;q=0.9", "en"),
        ("de;q=0.2, en;q=0.9", "en"),
        ("fr, it;q=0.5", "en"),
        ("de;q=0", "en"),
        ("de;q=high, *", "en"),
        ("DE", "de"),
        (",;;q=,", "en"),
        ("x" * 100_000 + ",de", "en"),
    ],
)
def test_the_language_that_is_liked_best_of_those_there_are(accepted: str, chosen: str) -> None:
    assert preferred(accepted, ("en", "de")) == chosen


def test_a_question_is_asked_in_the_language_of_the_browser(browser: Browser, consultation: Consultation) -> None:
    asked = consultation.moment((), "").next
    assert isinstance(asked, ScreenAsked)
    here = browser.begin("bed 4")
    names = browser.questions()
    assert asked.screen.lead_in in browser.text
    browser.open(here, headers=GERMAN)
    assert browser.questions() == names, "what is asked is the same"
    german = knowledge_catalog(None, "de").get(asked.screen.lead_in, f"screen.{asked.screen.id}.lead_in")
    assert german and german in browser.text
    assert asked.screen.lead_in not in browser.text
    browser.open(here)
    assert german not in browser.text


def test_a_consultation_goes_on_in_another_language(browser: Browser) -> None:
    here = browser.begin("bed 5")
    browser.open(here, headers=GERMAN)
    response = browser.answer(here, rest="unknown", current="unknown", stopped="unknown", spasm_in_calf="yes")
    assert response.status_code == 200
    browser.open(f"{here}/report", headers=GERMAN)
    assert '<html lang="de">' in browser.text
    assert "Wadenkrämpfe" in browser.text
    assert "Diese Übersetzung ist noch nicht ärztlich geprüft." in browser.text
    browser.open(f"{here}/report")
    assert "Cramps in the calf" in browser.text
    assert "Wadenkrämpfe" not in browser.text


def test_a_case_file_is_reported_in_german(browser: Browser, service: Any) -> None:
    browser.open("/case-files", headers=GERMAN)
    content = b"case: 4711\nfindings: {serum_potassium: 2.4}\n"
    response = browser.post("/case-files", files={"file": ("one.yaml", content)}, headers=GERMAN)
    assert response.status_code == 200
    assert "Das Kalium im Serum beträgt 2,4 mmol/L, unter 3,5 mmol/L." in browser.text
