"""The pages of a consultation: a screen of questions, asking back, undo and changes, and the report.

Each page is a function from a visit to a response. What it shows follows from the log of answers alone, so a link leads back to
the same place, and two browsers that hold it see the same.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from expert.consultation.answer_log import NO_MORE, RESULTS, AnswerRefused, Log, drop_undone
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Moment
from expert.consultation.movement import stages
from expert.consultation.progress import kept_open, page_reason, pages_left, progress, why_stopped
from expert.consultation.sessions import Session
from expert.web.access import audit
from expert.web.pages.answered import answers_of
from expert.web.pages.asking_back import asked_back
from expert.web.pages.forms import CURRENT, RESULTS_TOLD, STOPPED, TOLD, Filled, read_page
from expert.web.pages.questions import Reply, band, parts_shown, silence
from expert.web.pages.revealed import answers_closed, dangers_shown, medicines_understood
from expert.web.pages.sitting import STALE, Sitting, address, keep, sitting_of
from expert.web.service import Service, Visit
from facts.case import Case
from knowledge_base.model import KnowledgeBase
from reports.pages import render_page, report_page
from reports.words.cleaning import clean
from reports.words.wording import sentence

_MOST_LISTED = 50
_UNNAMED = "consultation"


# Beginning


def home(visit: Visit, status: int = 200, problem: str = "") -> Response:
    """Show where a consultation begins, and those that are kept."""
    store = visit.service.store
    kept = store.owned(visit.owner)
    audit.record(store, visit.service.now(), visit.owner, "listed consultations")
    listed = [
        {
            "id": quote(session.id, safe=""),
            "name": clean(session.name),
            "begun": clean(session.begun),
            "begun_told": _time_told(session.begun),
        }
        for session in kept[:_MOST_LISTED]
    ]
    more = max(0, len(kept) - _MOST_LISTED)
    return HTMLResponse(render_page("home.html.j2", page=visit.page(), kept=listed, more=more, problem=problem), status)


def begin(visit: Visit) -> Response:
    """Begin a consultation, and go to its first page."""
    name = clean(visit.form.get("name", ""))
    if len(name) > 200:
        return home(visit, 422, "What the patient is called has more than 200 characters; write it shorter.")
    service = visit.service
    session = service.store.begin_owned(
        visit.owner,
        name or _UNNAMED,
        service.now(),
        service.knowledge.hash,
        beside=lambda begun: audit.entry(service.now(), visit.owner, "began", begun.id),
    )
    return RedirectResponse(address(session), 303)


def _time_told(at: str) -> str:
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return clean(at)


# One page of questions


def show(visit: Visit) -> Response:
    """Show the page that comes next, or why none does."""
    sitting = sitting_of(visit)
    sitting.record("read")
    return _shown(sitting)


def answer(visit: Visit) -> Response:
    """Answer what was asked back, or record a page's answers and go on."""
    sitting = sitting_of(visit)
    if visit.form.get("ask"):
        reply = asked_back(sitting)
        if visit.wants_part:
            return HTMLResponse(render_page("lines.html.j2", told=reply.told()))
        return _shown(sitting, reply=reply)
    asked = sitting.asked
    if not sitting.is_current() or asked is None:
        return _shown(sitting, 409, notices=(STALE,))
    filled = read_page(asked, visit.form, visit.service.knowledge)
    if filled.problems:
        return _shown(sitting, 422, filled=filled)
    screen = asked.screen.id
    try:
        log, moment = sitting.consultation.answered(
            sitting.log, sitting.session.name, screen, filled.answers, visit.service.now(), filled.together
        )
    except AnswerRefused as error:
        return _shown(sitting, 422, filled=Filled({}, {"": sentence(str(error))}))
    return keep(sitting, log, "answered", screen, moment=moment)


def warm(service: Service) -> None:
    """Make the pages of a consultation in which nothing is known, so that nobody waits for what is compiled at first use."""
    visit = Visit(service, "", "", "", {}, {}, {}, {}, wants_part=False)
    log: Log = ()
    while True:
        sitting = Sitting(visit, Session("", _UNNAMED, "", service.knowledge.hash, log))
        _shown(sitting)
        if sitting.asked is None:
            return
        answers = service.consultation.reply(sitting.asked, Case(_UNNAMED, {}))
        log, _ = service.consultation.answered(log, _UNNAMED, sitting.asked.screen.id, answers, service.now())


def undo(visit: Visit) -> Response:
    """Take the last page back."""
    sitting = sitting_of(visit)
    if not sitting.is_current():
        return _shown(sitting, 409, notices=(STALE,))
    log = sitting.consultation.undone(sitting.log, visit.service.now())
    if log == sitting.log:
        return _shown(sitting, 409, notices=("There is nothing to take back.",))
    return keep(sitting, log, "undid")


def _shown(
    sitting: Sitting,
    status: int = 200,
    *,
    filled: Filled | None = None,
    reply: Reply | None = None,
    notices: tuple[str, ...] = (),
) -> Response:
    """Render the page of a consultation, with what was filled in on it already."""
    moment, visit, knowledge = sitting.moment, sitting.visit, sitting.service.knowledge
    problems = filled.problems if filled else {}
    if sitting.session.knowledge != knowledge.hash:
        notices = (*notices, "This consultation was begun with other knowledge; it is concluded with what is loaded now.")
    notices = (*notices, *answers_closed(sitting))
    listed = answers_of(sitting)
    values: dict[str, Any] = {
        "page": visit.page(),
        "band": band(moment, knowledge, sitting.asked),
        "session": {"name": clean(sitting.session.name)},
        "here": sitting.here,
        "more": sitting.more,
        "after": len(sitting.log),
        "notices": notices,
        "progress": sentence(progress(moment, knowledge)),
        "stands": _conclusions(moment, sitting.service),
        "names": _names(knowledge),
        "can_undo": bool(drop_undone(sitting.log)),
        "problems": list(problems.items()),
        "reply": reply,
        "about": visit.form.get("about", ""),
        "supposed": visit.form.get("supposed", ""),
        "value": visit.form.get("value", ""),
        "answered": [answer for answer in listed if not answer.is_plain and answer.may_change],
        "taken": [clean(name) for name in moment.told.case.medicines or ()],
        "unnamed": sum(answer.is_plain for answer in listed),
        **dangers_shown(sitting),
        "understood": medicines_understood(sitting),
    }
    if isinstance(moment.next, Certificate):
        values |= _end(moment, moment.next, sitting.service)
    else:
        values |= _questions(sitting, moment.next, problems)
    return HTMLResponse(render_page("consultation.html.j2", **values), status)


@lru_cache(maxsize=4)
def _names(knowledge: KnowledgeBase) -> Markup:
    """Return what can be asked back about, for the browser to complete; the same for every patient."""
    return Markup(  # noqa: S704 - a template that escapes
        render_page(
            "names.html.j2",
            conclusions=[
                *(sign.label for sign in knowledge.warning_signs.values()),
                *(cause.label for cause in knowledge.causes.values()),
            ],
            findings=[finding.label for finding in knowledge.vocabulary.findings.values()],
        )
    )


def _questions(sitting: Sitting, asked: ScreenAsked, problems: Mapping[str, str]) -> dict[str, Any]:
    form, knowledge = sitting.visit.form, sitting.service.knowledge
    moment = sitting.moment
    leads = {section.screen.id: section.screen.lead_in for section in asked.sections if not section.questions}
    return {
        "asked": True,
        "parts": parts_shown(asked, knowledge, form, problems),
        # A screen of which some questions come only now would look as if it were asked twice.
        "heading": "A few more questions" if asked.screen.id in moment.told.screens else asked.screen.label,
        "reason": page_reason(moment, asked, knowledge),
        "done": moment.screens,
        "left": pages_left(moment),
        "screen": asked.screen.id,
        "leads": leads,
        "medicines": asked.asks_medicines,
        "results": asked.asks_results,
        "anything": asked.asks_anything,
        "by": asked.screen.by,
        "in_full": asked.in_full,
        "silence": silence(asked, knowledge),
        "many": len(asked.questions) > 1,
        "told_fields": {
            name: {"text": clean(form.get(name, "")), "problem": problems.get(name, "")} for name in (RESULTS_TOLD, TOLD)
        },
        "no_results": form.get(RESULTS) == NO_MORE,
        "lists": {
            key: {
                "value": form.get(key, ""),
                "text": _clean_lines(form.get(f"{key}_list", "")),
                "problem": problems.get(key, ""),
            }
            for key in (CURRENT, STOPPED)
        },
    }


def _clean_lines(text: str) -> str:
    return "\n".join(map(clean, text.splitlines()))


def _end(moment: Moment, certificate: Certificate, service: Service) -> dict[str, Any]:
    open_ = kept_open(certificate, moment, service.knowledge)
    lines = [line for line in why_stopped(certificate, moment, service.knowledge) if line not in open_]
    why, verdict, *more = (line for line in lines if not line.startswith("  "))
    return {
        "asked": False,
        "heading": "Nothing that matters is left to ask" if not certificate.thorough else "Nothing at all is left to ask",
        "remaining": 0 if certificate.thorough else certificate.remaining,
        "verdict": verdict,
        "stopped": [why, *more],
        "do_now": [step.do for step in moment.assessment.next_steps if step.do_now and not step.done],
        "kept_open": [line.removeprefix("  ? ") for line in open_],
    }


def _conclusions(moment: Moment, service: Service) -> list[tuple[str, str, str, str]]:
    knowledge, stands = service.knowledge, moment.outline
    standings = knowledge.grading.standings
    signs = [("sign", name, knowledge.warning_signs[name].label, knowledge.levels[level].label) for name, level in stands.signs]
    causes = [("cause", name, knowledge.causes[name].label, standings[standing]) for name, standing in stands.causes]
    return signs + causes


def report(visit: Visit) -> Response:
    """Show the explained report of what is known."""
    sitting = sitting_of(visit)
    sitting.record("read report")
    page = report_page(
        sitting.moment.assessment,
        visit.service.knowledge,
        stages(visit.service.consultation, sitting.log, sitting.session.name),
        page=visit.page(),
        back=sitting.here + sitting.more,
        back_told="Back to the consultation",
        problems=(),
    )
    return HTMLResponse(page)
