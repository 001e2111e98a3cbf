"""The pages of a consultation: a screen of questions, asking back, undo and changes, and the report.

Each page is a function from a visit to a response. What it shows follows from the log of answers alone, so a link leads back to
the same place, and two browsers that hold it see the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse, Response

from expert import enquiry, replies
from expert.answer_log import MEDICINES, STOPPED_MEDICINES, AnswerRefused, Log, standing
from expert.consultation import Moment
from expert.next_question import Certificate, ScreenAsked
from expert.progress import kept_open, progress, why_stopped
from expert.sessions import Overtaken, Session
from expert.web import audit
from expert.web.forms import CURRENT, REST, STOPPED, Filled, read_page
from expert.web.service import Refused, Service, Visit
from expert.web.showing_questions import Reply, band, question_shown
from facts.answers import read_answer
from facts.case import NOT_LISTED
from facts.vocabulary import ChoiceFinding, QuantityFinding
from reports.pages import render_page, report_page
from reports.view import clean
from reports.wording import sentence, unit_text, value_text

_MOST_LISTED = 50
_UNNAMED = "consultation"
_STALE = "This consultation went on elsewhere meanwhile. Nothing of that page was recorded; here is where it stands."


@dataclass(frozen=True, slots=True)
class _Opened:
    """A consultation that a visitor may see, and where it stands."""

    visit: Visit
    session: Session
    moment: Moment

    @property
    def here(self) -> str:
        return address(self.session)

    @property
    def service(self) -> Service:
        return self.visit.service

    @property
    def log(self) -> Log:
        return self.session.log

    def is_current(self) -> bool:
        """Tell whether the page that was posted shows the consultation as it stands."""
        return self.visit.form.get("after", "") == str(len(self.log))

    def record(self, did: str, detail: str = "") -> None:
        audit.record(self.service.store, self.service.now(), self.visit.owner, did, self.session.id, detail)


def address(session: Session) -> str:
    """Give the address of a consultation: an id that nobody can guess, and nothing of the patient."""
    return f"/consultations/{quote(session.id, safe='')}"


def _opened(visit: Visit) -> _Opened:
    """Open the visitor's own consultation. Raises Refused: another's is not told from one that does not exist."""
    session = visit.service.store.load_owned(visit.path["session"], visit.owner)
    if session is None:
        raise Refused(404, "There is no such consultation here.")
    try:
        moment = visit.service.consultation.moment(session.log, session.name)
    except AnswerRefused:
        raise Refused(409, "The answers of this consultation do not fit the knowledge base that is loaded now.") from None
    return _Opened(visit, session, moment)


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
    session = service.store.begin_owned(visit.owner, name or _UNNAMED, service.now(), service.knowledge.hash)
    audit.record(service.store, service.now(), visit.owner, "began", session.id)
    return RedirectResponse(address(session), 303)


def _time_told(at: str) -> str:
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return clean(at)


# One page of questions


def show(visit: Visit) -> Response:
    """Show the page that comes next, or why none does."""
    opened = _opened(visit)
    opened.record("read")
    return _shown(opened)


def answer(visit: Visit) -> Response:
    """Answer what was asked back, or record a page's answers and go on."""
    opened = _opened(visit)
    if visit.form.get("ask"):
        return _asked_back(opened)
    if not opened.is_current() or not isinstance(opened.moment.next, ScreenAsked):
        return _shown(opened, 409, notices=(_STALE,))
    filled = read_page(opened.moment.next, visit.form, visit.service.knowledge)
    if filled.problems:
        return _shown(opened, 422, filled=filled)
    screen = opened.moment.next.screen.id
    try:
        log, _ = visit.service.consultation.answered(
            opened.log, opened.session.name, screen, filled.answers, visit.service.now()
        )
    except AnswerRefused as error:
        return _shown(opened, 422, filled=Filled({}, {"": sentence(str(error))}))
    return _kept(opened, log, "answered", screen)


def undo(visit: Visit) -> Response:
    """Take the last page back."""
    opened = _opened(visit)
    if not opened.is_current():
        return _shown(opened, 409, notices=(_STALE,))
    log = visit.service.consultation.undone(opened.log, visit.service.now())
    if log == opened.log:
        return _shown(opened, 409, notices=("There is nothing to take back.",))
    return _kept(opened, log, "undid")


def _kept(opened: _Opened, log: Log, did: str, detail: str = "") -> Response:
    # In the trail before in the log: what was not recorded there is not done.
    opened.record(did, detail)
    try:
        opened.service.store.append(opened.session, log)
    except Overtaken:
        opened.record("not kept", detail)
        raise Refused(
            409, "This consultation was answered elsewhere at the same moment, and this answer is not kept."
        ) from None
    return RedirectResponse(opened.here, 303)


def _shown(
    opened: _Opened,
    status: int = 200,
    *,
    filled: Filled | None = None,
    reply: Reply | None = None,
    notices: tuple[str, ...] = (),
) -> Response:
    """Render the page of a consultation, with what was filled in on it already."""
    moment, visit, knowledge = opened.moment, opened.visit, opened.service.knowledge
    problems = filled.problems if filled else {}
    if opened.session.knowledge != knowledge.hash:
        notices = (*notices, "This consultation was begun with other knowledge; it is concluded with what is loaded now.")
    values: dict[str, Any] = {
        "page": visit.page(),
        "band": band(moment.assessment, knowledge, moment.next if isinstance(moment.next, ScreenAsked) else None),
        "session": {"name": clean(opened.session.name)},
        "here": opened.here,
        "after": len(opened.log),
        "notices": notices,
        "progress": sentence(progress(moment, knowledge)),
        "standing": _standing(moment, opened.service),
        "conclusions": [
            *(sign.label for sign in knowledge.warning_signs.values()),
            *(cause.label for cause in knowledge.causes.values()),
        ],
        "findings": [finding.label for finding in knowledge.vocabulary.findings.values()],
        "can_undo": bool(standing(opened.log)),
        "problems": list(problems.items()),
        "reply": reply,
        "about": visit.form.get("about", ""),
        "supposed": visit.form.get("supposed", ""),
        "value": visit.form.get("value", ""),
        **_dangers(opened),
        "understood": _understood(opened),
    }
    if isinstance(moment.next, Certificate):
        values |= _end(moment, moment.next, opened.service)
    else:
        values |= _questions(opened, moment.next, problems)
    return HTMLResponse(render_page("consultation.html.j2", **values), status)


def _questions(opened: _Opened, asked: ScreenAsked, problems: Mapping[str, str]) -> dict[str, Any]:
    screen, form = asked.screen, opened.visit.form
    told_last = opened.moment.told.screens[-1:] == (screen.id,)
    shown = [question_shown(name, asked, opened.service.knowledge, form, problems) for name in asked.questions]
    return {
        "asked": shown or True,
        "heading": screen.label,
        "lead": "And then:" if told_last else screen.lead_in,
        "place": f"Page {opened.moment.screens + (0 if told_last else 1)}",
        "screen": screen.id,
        "medicines": screen.medicines,
        "by": screen.by,
        "rest": form.get(REST, ""),
        "rest_needed": len(shown) > 1 or any(question.kind == "quantity" for question in shown),
        "lists": {
            key: {"value": form.get(key, ""), "text": form.get(f"{key}_list", ""), "problem": problems.get(key, "")}
            for key in (CURRENT, STOPPED)
        },
    }


def _end(moment: Moment, certificate: Certificate, service: Service) -> dict[str, Any]:
    return {
        "asked": [],
        "heading": "Nothing that is left to ask would change the conclusion",
        "stopped": why_stopped(certificate, moment, service.knowledge)[:2],
        "kept_open": [line.removeprefix("  ? ") for line in kept_open(certificate, service.knowledge)],
    }


def _standing(moment: Moment, service: Service) -> list[tuple[str, str, str, str]]:
    knowledge, assessment = service.knowledge, moment.assessment
    grading = knowledge.grading
    signs = [("sign", sign.id, sign.label, knowledge.levels[sign.level].label) for sign in assessment.warning_signs]
    causes = [
        ("cause", cause.id, cause.label, grading.standings[cause.standing])
        for cause in assessment.causes
        if grading.at_least(cause.standing, grading.considered)
    ]
    return signs + causes


def _dangers(opened: _Opened) -> dict[str, Any]:
    """Give the dangers that the last answers revealed, why, and what to do."""
    consultation, moment = opened.service.consultation, opened.moment
    # Only if there is a danger at all is it asked whether it is new.
    if not opened.log or opened.log[-1].kind == "undone" or not consultation.dangers(None, moment):
        return {"dangers": []}
    before = consultation.moment(consultation.undone(opened.log, ""), opened.session.name)
    dangers = consultation.dangers(before, moment)
    if not dangers:
        return {"dangers": []}
    level = opened.service.knowledge.levels[dangers[0].level]
    steps = [step.do for step in moment.assessment.next_steps if step.level == dangers[0].level and not step.done]
    return {
        "dangers": [(sign.label, clean(sign.because)) for sign in dangers],
        "danger_level": level.label,
        "danger_says": level.says,
        "danger_steps": steps,
    }


def _understood(opened: _Opened) -> list[tuple[str, str]]:
    """Say what the medicines of the last page were taken for."""
    if not opened.log or opened.log[-1].kind == "undone":
        return []
    last = [event for event in opened.log if event.step == opened.log[-1].step]
    written: dict[str, Any] = {key: value for event in last for key, value in event.answers.items()}
    texts = [*(written.get(MEDICINES) or ()), *(entry["name"] for entry in written.get(STOPPED_MEDICINES) or ())]
    told = []
    for text in texts:
        found = opened.service.knowledge.dictionary.recognize(text)
        meaning = ", ".join(found.medicines)
        told.append((clean(text), "; ".join(filter(None, (meaning, clean(found.doubt or ""))))))
    return told


# Asking back


def _asked_back(opened: _Opened) -> Response:
    """Answer why, how, why not and what if: the answer alone where only that is wanted, else the page as it was filled in."""
    ask, _, about = opened.visit.form["ask"].partition(":")
    opened.record("asked back", ask if ask in ("why", "why_page", "how", "why_not", "what_if") else "")
    try:
        reply = _reply(opened, ask, about)
    except (enquiry.UnknownName, replies.ReplyError, AnswerRefused) as error:
        reply = Reply("beside" if ask in ("how", "why_not", "what_if") else "page", [sentence(clean(str(error)))])
    if opened.visit.wants_part:
        return HTMLResponse(render_page("lines.html.j2", told=reply.told()))
    return _shown(opened, reply=reply)


def _reply(opened: _Opened, ask: str, about: str) -> Reply:
    moment, form = opened.moment, opened.visit.form
    consultation, knowledge = opened.service.consultation, opened.service.knowledge
    if ask == "why_page" and isinstance(moment.next, ScreenAsked):
        lines = enquiry.why_screen(moment, moment.next, consultation)
        return Reply("page", lines[:1] + [line for line in lines[1:] if not line.startswith("  why N")])
    if ask == "why_page":
        return Reply("page", ["There is nothing left to ask."])
    named = about or form.get("about", "")
    if ask == "why":
        meant = enquiry.find(named, moment, knowledge)
        if meant.kind != "finding":
            raise replies.ReplyError("only of a question can be said why it is asked")
        return Reply(meant.id, enquiry.why(moment, meant.id, consultation))
    if ask == "how":
        return Reply("beside", enquiry.how(moment, enquiry.find(named, moment, knowledge), consultation))
    if ask == "why_not":
        return Reply("beside", enquiry.why_not(moment, enquiry.find(named, moment, knowledge), consultation))
    if ask == "what_if":
        meant = enquiry.find(form.get("supposed", ""), moment, knowledge)
        if meant.kind != "finding":
            raise replies.ReplyError("only an answer can be supposed; name a finding")
        finding = knowledge.vocabulary.findings[meant.id]
        written = replies.read_value(finding, form.get("value", "")[:200])
        observed = None if written is None else read_answer(finding, written)
        if observed is None:
            raise replies.ReplyError("an unknown answer changes nothing; write a value")
        return Reply("beside", enquiry.what_if(moment, {meant.id: observed.value}, consultation))
    raise Refused(400, "This page cannot be asked that.")


# Answers and report


def answers(visit: Visit) -> Response:
    """Show every answer that stands, each with a way to change it."""
    opened = _opened(visit)
    opened.record("read answers")
    return _answers(opened, 200)


def change(visit: Visit) -> Response:
    """Change one answer, wherever it was given."""
    opened = _opened(visit)
    finding = opened.service.knowledge.vocabulary.findings.get(visit.form.get("finding", ""))
    text = visit.form.get("value", "").strip()
    if not opened.is_current():
        return _answers(opened, 409, _STALE)
    if finding is None or not text or len(text) > 200:
        return _answers(opened, 422, "Choose an answer and write what it is to be; nothing was changed.")
    try:
        value = replies.read_value(finding, text)
        log, _ = opened.service.consultation.changed(opened.log, opened.session.name, {finding.id: value}, opened.service.now())
    except (AnswerRefused, replies.ReplyError) as error:
        return _answers(opened, 422, f"{sentence(str(error))} Nothing was changed.")
    return _kept(opened, log, "changed")


def _answers(opened: _Opened, status: int, problem: str = "") -> Response:
    knowledge, case = opened.service.knowledge, opened.moment.told.case
    shown, closed = [], []
    for name, observed in case.findings.items():
        finding = knowledge.vocabulary.findings[name]
        label = sentence(finding.label).removesuffix(".")
        if observed.origin == NOT_LISTED:
            closed.append(label)
            continue
        told = clean(value_text(finding, observed.value, observed.given))
        shown.append({"id": name, "label": label, "told": told, "origin": clean(observed.origin), **_changing(finding)})
    for name in sorted(opened.moment.told.unknown):
        finding = knowledge.vocabulary.findings[name]
        label = sentence(finding.label).removesuffix(".")
        shown.append({"id": name, "label": label, "told": "unknown", "origin": "", **_changing(finding)})
    for entry in shown:
        entry["may_change"] = not entry["origin"]
    values = {
        "page": opened.visit.page(),
        "band": band(opened.moment.assessment, knowledge),
        "session": {"name": clean(opened.session.name)},
        "here": opened.here,
        "after": len(opened.log),
        "answers": shown,
        "closed": closed,
        "problem": problem,
    }
    return HTMLResponse(render_page("answers.html.j2", **values), status)


def _changing(finding: Any) -> dict[str, Any]:
    if isinstance(finding, QuantityFinding):
        return {"choices": [], "unit": unit_text(finding)}
    if isinstance(finding, ChoiceFinding):
        return {"choices": [(choice, choice.replace("_", " ")) for choice in finding.choices], "unit": ""}
    return {"choices": [("yes", "Yes"), ("no", "No")], "unit": ""}


def report(visit: Visit) -> Response:
    """Show the explained report of what is known."""
    opened = _opened(visit)
    opened.record("read report")
    page = report_page(
        opened.moment.assessment,
        visit.service.knowledge,
        page=visit.page(),
        back=opened.here,
        back_told="Back to the consultation",
        problems=(),
    )
    return HTMLResponse(page)
