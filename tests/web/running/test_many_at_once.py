"""Fifty consultations at once: no answer, conclusion or page of one patient ever shows with another."""

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from expert.consultation.answer_log import RESULTS
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation
from facts.intake.case_files import read_case_files
from reports.formats import HTML
from tests.web.browsing import application, fill_in, service_of, signed_in

MANY = 50
PAGES = 3
"""Pages that each consultation answers: enough to go different ways, and half a minute for all."""
CASES = Path(__file__).parents[2] / "knowledge" / "cases" / "vignettes"


def plain(answers: dict[str, Any]) -> str:
    """Write answers so that the order of names does not count."""
    return json.dumps(
        {name: value if isinstance(value, list) else str(value) for name, value in answers.items()}, sort_keys=True
    )


def test_fifty_consultations_at_once_are_never_mixed(consultation: Consultation, tmp_path: Path) -> None:
    knowledge = consultation.knowledge
    intake = read_case_files([CASES], knowledge.vocabulary, knowledge.dictionary)
    cases = [case for case, _ in intake.cases][:MANY]
    cases = [cases[number % len(cases)] for number in range(MANY)]
    service = application(consultation, tmp_path)

    def hold(number: int) -> tuple[str, dict[str, Any], str]:
        browser, case = signed_in(service), cases[number]
        name = f"patient {number}"
        here = browser.begin(name)
        waits = random.Random(number)
        said: dict[str, Any] = {}
        for _ in range(PAGES):
            if 'name="screen"' not in browser.text:
                break
            store = service_of(service).store
            session = store.load_owned(here.rsplit("/", 1)[1], "")
            assert session is not None and session.name == name
            moment = consultation.moment(session.log, name)
            assert isinstance(moment.next, ScreenAsked)
            assert browser.hidden("screen") == moment.next.screen.id
            if waits.random() < 0.2:
                browser.post(here, {"ask": "why_page"})
                assert f"· {name}<" in browser.text
            said |= {name: value for name, value in consultation.reply(moment.next, case).items() if value is not None}
            browser.answer(here, **fill_in(moment.next, consultation.reply(moment.next, case)))
            assert browser.page.status_code == 200, browser.text
            assert name in browser.text
        return here, said, browser.open(f"{here}/report").text

    with ThreadPoolExecutor(MANY) as pool:
        held = list(pool.map(hold, range(MANY)))
    assert len({here for here, _, _ in held}) == MANY
    for here, said, page in held:
        session = service_of(service).store.load_owned(here.rsplit("/", 1)[1], "")
        assert session is not None
        # In the log stands what this patient said, and nothing else.
        kept = {name: value for event in session.log for name, value in event.answers.items() if value is not None}
        # That there are results is said by giving some.
        kept.pop(RESULTS, None)
        said.pop(RESULTS, None)
        assert plain(kept) == plain(said)
        # The same log, concluded again by itself, gives the same page; how it moved is on the page of the service alone.
        alone = HTML.render(consultation.moment(session.log, session.name).assessment, knowledge)
        shown, moved = re.subn(r'<section aria-labelledby="moved">.*?</section>\n', "", page, flags=re.DOTALL)
        assert moved <= 1
        assert shown.split("<main>")[1] == alone.split("<main>")[1]


def test_one_consultation_answered_by_many_at_once_keeps_one_answer(consultation: Consultation, tmp_path: Path) -> None:
    service = application(consultation, tmp_path)
    first = signed_in(service)
    here = first.begin()

    def answer(_: int) -> int:
        browser = signed_in(service)
        browser.open(here)
        fields = {"csrf": browser.token, "after": "0", "rest": "no", "current": "none", "stopped": "none"}
        return browser.client.post(here, data=fields, follow_redirects=False).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(answer, range(8)))
    assert statuses == [303] + [409] * 7
    store = service_of(service).store
    (session,) = store.sessions()
    assert len({event.step for event in session.log}) == 1
