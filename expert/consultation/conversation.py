"""The conversation of a consultation: screens are shown, replies and commands read, answers kept before the next question.

The terminal is given: a line of text in, lines of text out. What is decided here is only what is said when. Longer than other
modules by the commands, each of which is a few lines.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from expert.consultation import explanation as enquiry
from expert.consultation import replies
from expert.consultation.answer_log import AnswerRefused, Log
from expert.consultation.moments import Consultation, Moment
from expert.consultation.next_question import Certificate, ScreenAsked
from expert.consultation.progress import kept_open, no_longer_standing, progress, status, why_stopped
from expert.consultation.sessions import Session, Store
from expert.consultation.what_if import what_if
from expert.private_sqlite import StoreError
from facts.problems import UnknownName
from facts.requirements import answer_text
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, YesNoFinding
from knowledge_base.interview import opens_a_page
from reports.cleaning import clean
from reports.wording import unit_text

COMMANDS = (
    ("why [N]", "why this screen, or its question N, is asked, and what each answer would do"),
    ("how NAME", "how a conclusion was reached: a cause, a warning sign, or urgency"),
    ("why not NAME", "which rules of a cause or warning sign hold, are open, or fail"),
    ("what if NAME=VALUE", "what another answer, or several (A=yes, B=sudden), would change, without recording it"),
    ("status", "where the assessment stands, and what is open"),
    ("change NAME=VALUE", "change an answer that was given"),
    ("open", "which answers of “unknown” keep which conclusion open"),
    ("more", "go on with everything that could still change something, pertinent or not"),
    ("undo", "undo the last step"),
    ("report", "the report of what is known so far"),
    ("quit", "stop here; every answer is saved"),
)
_HOW_TO = {
    "history": "Type the numbers that apply; the other signs are recorded as absent (rest unknown leaves them open).",
    "examination": "Type the numbers of what was found. The others stay unknown; rest no, or none, says they were examined.",
    "test": "Type what is available: 1=3.1 mmol/l gives a value, 4 says yes and n4 says no. What is not named stays unknown.",
}
_HOW_TO_MORE = "u3 leaves 3 unknown, 5=3.1 mmol/l gives 5 a value, 2-4 names all three; unknown leaves the whole page open."
_PROMPTS = {
    "history": "numbers (2 5 u7 9=3.1; none; unknown; ?): ",
    "examination": "found (2 5 9=38.2; rest no; none; unknown; ?): ",
    "test": "available (1=3.1 n4; none; ?): ",
}
_Read = TypeVar("_Read")


class Terminal(Protocol):
    """Where the conversation is held."""

    def say(self, text: str = "", style: str = "") -> None:
        """Show a line; `style` is heading, danger, quiet or nothing, and reads without colour too."""

    def ask(self, prompt: str) -> str:
        """Read a line. Raises EOFError when there is no more, KeyboardInterrupt when it was broken off."""


class _Quit(Exception):
    pass


@dataclass
class Conversation:
    """One consultation, held at a terminal. `store` may be None: then nothing is kept."""

    consultation: Consultation
    terminal: Terminal
    session: Session
    store: Store | None
    clock: Callable[[], str]
    report: Callable[[Moment], str]

    def __post_init__(self) -> None:
        self.log: Log = self.session.log
        self.knowledge = self.consultation.knowledge
        self.moment = self.consultation.moment(self.log, self.session.name)
        self.shown: Moment | None = None
        self.is_lost = False
        """Whether the last answers could not be kept."""

    def hold(self) -> Moment:
        """Ask until the consultation may stop or somebody stops it; gives where it stands then."""
        try:
            if self.log:
                self.terminal.say(f"Resumed: {progress(self.moment, self.knowledge)}", "quiet")
                self.announce(None)
            while True:
                if self.shown is not self.moment:
                    self.present()
                self.turn()
        except _Quit:
            pass
        except (EOFError, KeyboardInterrupt):
            self.terminal.say()
        if self.store is not None:
            kept = "What was answered before is saved" if self.is_lost else "Saved"
            self.terminal.say(f"{kept}. Resume with: charley sessions resume {self.session.id}", "quiet")
        return self.moment

    # One screen

    def present(self) -> None:
        """Show the next screen, or why there is none; once, and again only when an answer changed something."""
        if isinstance(self.moment.next, Certificate):
            self.certify(self.moment.next)
        else:
            self.show(self.moment.next)
        self.shown = self.moment

    def turn(self) -> None:
        """Take one reply or command."""
        asked = self.moment.next
        if isinstance(asked, Certificate):
            self.terminal.say("report, more, open, change, undo, how, why not, what if, or quit.", "quiet")
            text = self.terminal.ask("> ")
            if not text.strip():
                raise _Quit
            if not self.command(text):
                self.terminal.say(f"{clean(text)!r} is not a command; ? lists them")
            return
        answers = self.medicines() if asked.screen.medicines else self.answers(asked)
        if answers is not None:
            self.record(asked.screen.id, answers)

    def show(self, asked: ScreenAsked) -> None:
        """Show a screen: where we stand, the lead-in, and the numbered questions."""
        screen = asked.screen
        last = self.moment.told.screens[-1:] == (screen.id,)
        number = self.moment.screens + (0 if last else 1)
        self.terminal.say()
        self.terminal.say(f"{number} · {screen.label}   [{progress(self.moment, self.knowledge)}]", "heading")
        self.terminal.say("And then:" if last else screen.lead_in)
        for place, name in enumerate(asked.questions, start=1):
            finding = self.knowledge.vocabulary.findings[name]
            # What opens a page of its own stands for many signs, and only its question names them.
            told = finding.question if opens_a_page(name, screen.ask, self.knowledge.vocabulary) else _label(finding)
            self.terminal.say(f"  {place:>2} {told}")

    def answers(self, asked: ScreenAsked) -> dict[str, Any] | None:
        """Read the reply to a screen, and then what it left open. None when a command led elsewhere."""
        findings = [self.knowledge.vocabulary.findings[name] for name in asked.questions]
        answers: dict[str, Any] = {}
        prompt = _prompt(asked, findings)
        while True:
            read = self.read(prompt, lambda text: replies.read_screen(asked, text, self.knowledge))
            if read is None:
                return None
            answers.update(read)
            if asked.screen.by == "test":
                return {finding.id: answers.get(finding.id) for finding in findings}
            signs = [finding for finding in findings if isinstance(finding, YesNoFinding)]
            if all(finding.id in answers or finding.id in asked.screen.each for finding in signs):
                break
            # Values alone say nothing about the signs beside them.
            prompt = "and of the signs (numbers; none; unknown): "
        for finding in findings:
            if finding.id not in answers:
                value = self.value(finding)
                if value is None:
                    return None
                answers[finding.id] = value[0]
        return answers

    def value(self, finding: Finding) -> tuple[Any] | None:
        """Ask for one value; None in a tuple is "unknown". None when a command led elsewhere."""
        if isinstance(finding, ChoiceFinding):
            for place, choice in enumerate(finding.choices, start=1):
                self.terminal.say(f"      {place} {choice.replace('_', ' ')}")
        prompt = f"  {finding.question} [Enter: unknown] "
        return self.read(prompt, lambda text: (replies.read_value(finding, text),))

    def medicines(self) -> dict[str, Any] | None:
        """Ask for the medicine lists, and say what was recognized. None when a command led elsewhere."""
        prompt = "  Current medicines, all of them (commas between; none; unknown): "
        current = self.read(prompt, lambda text: (replies.read_medicines(text),))
        if current is None:
            return None
        for text in current[0] or []:
            self.recognize(text)
        prompt = "  Stopped in the last months (NAME 3 days ago after 26 weeks, …; none; unknown): "
        stopped = self.read(prompt, lambda text: (replies.read_stopped(text),))
        if stopped is None:
            return None
        for entry in stopped[0] or []:
            self.recognize(entry["name"])
        return dict(replies.lists(current[0], stopped[0]))

    def read(self, prompt: str, reader: Callable[[str], _Read]) -> _Read | None:
        """Read a reply, explaining what cannot be read; commands are carried out. None when one of them led elsewhere."""
        while True:
            text = self.terminal.ask(prompt)
            if text.strip() and self.command(text):
                if self.shown is not self.moment:
                    return None
                continue
            try:
                return reader(text)
            except replies.ReplyError as error:
                self.terminal.say(f"  {clean(str(error))}")

    def recognize(self, text: str) -> None:
        """Say what a medicine was taken for."""
        found = self.knowledge.dictionary.recognize(text)
        if found.medicines:
            self.terminal.say(f"    {clean(text)} → {', '.join(found.medicines)}", "quiet")
        if found.doubt:
            self.terminal.say(f"    {clean(text)}: {clean(found.doubt)}")

    # Answers

    def record(self, screen: str, answers: dict[str, Any]) -> None:
        """Keep answers, then say what they revealed. What cannot stand is explained, and asked again."""
        try:
            log, moment = self.consultation.answered(self.log, self.session.name, screen, answers, self.clock())
        except AnswerRefused as error:
            for problem in error.problems:
                self.terminal.say(f"  {clean(problem)}")
            return
        self.keep(log, moment)

    def keep(self, log: Log, moment: Moment) -> None:
        """Put a longer log on disk; only then does it count."""
        if self.store is not None:
            try:
                self.session = self.store.append(self.session, log)
            except StoreError as error:
                self.terminal.say(f"NOT SAVED: {clean(str(error))}", "danger")
                self.is_lost = True
                self.terminal.say("The answers, so that they are not lost:")
                for event in log[len(self.log) :]:
                    for name, value in event.answers.items():
                        self.terminal.say(f"  {name} = {'unknown' if value is None else clean(str(value))}")
                raise _Quit from None
        before, self.log, self.moment = self.moment, log, moment
        self.announce(before)

    def announce(self, before: Moment | None) -> None:
        """Say at once when a danger shows, why, and what to do; and leave the choice to stop there."""
        dangers = self.consultation.dangers(before, self.moment)
        if not dangers:
            return
        level = self.knowledge.levels[dangers[0].level]
        self.terminal.say()
        self.terminal.say(f"!! {level.label.upper()} !! {level.says}", "danger")
        for sign in dangers:
            self.terminal.say(f"  ! {sign.label}: {clean(sign.because)}", "danger")
        for step in self.moment.assessment.next_steps:
            if step.level == dangers[0].level and not step.done:
                self.terminal.say(f"    → {step.do}")
        if before is not None and isinstance(self.moment.next, ScreenAsked):
            reply = self.terminal.ask("Press Enter for questions about the cause, or type stop to end: ")
            if reply.strip().casefold() in ("stop", "s", "quit", "q"):
                self.terminal.say(self.report(self.moment))
                raise _Quit

    def certify(self, certificate: Certificate) -> None:
        """Say why it stopped, and what stands."""
        self.terminal.say()
        lines = why_stopped(certificate, self.moment, self.knowledge)
        self.terminal.say(lines[0], "heading")
        for line in [*lines[1:], *status(self.moment, self.knowledge)]:
            self.terminal.say(line)

    # Commands

    def command(self, text: str) -> bool:
        """Carry out a command; False when the text is none."""
        words = text.strip().split()
        if not words:
            return False
        first, rest = words[0].casefold(), " ".join(words[1:])
        if first in ("?", "help") or text.strip() == "?":
            self.help()
        elif first in ("quit", "exit", "q"):
            raise _Quit
        elif first == "status" and not rest:
            self.tell(status(self.moment, self.knowledge))
        elif first == "report" and not rest:
            self.terminal.say(self.report(self.moment))
        elif first == "open" and not rest:
            self.open()
        elif first == "more" and not rest:
            self.more()
        elif first == "undo" and not rest:
            self.undo()
        elif first in ("why", "how", "what", "change"):
            self.enquire(first, rest)
        else:
            return False
        return True

    def more(self) -> None:
        """Ask from here on whatever could change anything."""
        self.consultation = Consultation(self.consultation.assessor, thorough=True)
        self.moment = self.consultation.moment(self.log, self.session.name)

    def enquire(self, first: str, rest: str) -> None:
        """Answer why, how, why not and what if, and change answers."""
        try:
            if first == "why" and rest.casefold().startswith("not "):
                self.tell(enquiry.why_not(self.moment, self.find(rest[4:]), self.consultation))
            elif first == "why":
                self.tell(self.why(rest))
            elif first == "how":
                self.tell(enquiry.how(self.moment, self.find(rest), self.consultation))
            elif first == "change":
                self.change(rest)
            else:
                self.what_if(rest)
        except (UnknownName, replies.ReplyError, AnswerRefused) as error:
            self.terminal.say(f"  {clean(str(error))}")

    def why(self, name: str) -> list[str]:
        """Say why a question is asked; without a name, why the screen is."""
        asked = self.moment.next
        if name:
            named = self.find(name)
            if named.kind != "finding":
                return [f"{named.id} is a conclusion; ask: how {named.id}, or why not {named.id}"]
            return enquiry.why(self.moment, named.id, self.consultation)
        if isinstance(asked, Certificate):
            return why_stopped(asked, self.moment, self.knowledge)
        return enquiry.why_screen(self.moment, asked, self.consultation)

    def what_if(self, text: str) -> None:
        """Say what another answer would change."""
        text = re.sub(r"^if\s+", "", text, flags=re.IGNORECASE)
        supposed = enquiry.read_suppositions(text, self.moment, self.knowledge)
        self.tell(what_if(self.moment, supposed, self.consultation))

    def change(self, text: str) -> None:
        """Change answers that were given, wherever it was, and say which others no longer stand."""
        answers = enquiry.read_assignments(text, self.moment, self.knowledge)
        log, moment = self.consultation.changed(self.log, self.session.name, answers, self.clock())
        before = self.moment
        self.keep(log, moment)
        for name, value in answers.items():
            label = self.knowledge.vocabulary.findings[name].label
            self.terminal.say(f"  {label}: {'unknown' if value is None else clean(answer_text(value))}", "quiet")
        for line in no_longer_standing(before, moment, answers, self.knowledge):
            self.terminal.say(f"  {line}", "quiet")

    def open(self) -> None:
        """Say what every answer of "unknown" keeps open."""
        certificate = self.consultation.questioner.certificate(self.moment.known, self.moment.prospect)
        self.tell(kept_open(certificate, self.knowledge) or ["No answer of “unknown” keeps anything open."])

    def undo(self) -> None:
        """Take the last step back."""
        log = self.consultation.undone(self.log, self.clock())
        if log == self.log:
            self.terminal.say("  There is nothing to undo.")
            return
        self.keep(log, self.consultation.moment(log, self.session.name))
        self.terminal.say("  The last step was undone.", "quiet")

    def find(self, name: str) -> enquiry.Meant:
        """Find what a typed name means."""
        return enquiry.find(name, self.moment, self.knowledge)

    def tell(self, lines: list[str]) -> None:
        """Show lines that may quote what was typed."""
        for line in lines:
            self.terminal.say(line)

    def help(self) -> None:
        """Show what can be typed, and what the questions on the screen mean."""
        asked = self.moment.next
        if isinstance(asked, ScreenAsked):
            self.terminal.say(_HOW_TO[asked.screen.by])
            self.terminal.say(_HOW_TO_MORE)
            for place, name in enumerate(asked.questions, start=1):
                finding = self.knowledge.vocabulary.findings[name]
                self.terminal.say(f"  {place:>2} {finding.question} {finding.help}".rstrip())
        for command, says in COMMANDS:
            self.terminal.say(f"  {command:<20} {says}")


def _prompt(asked: ScreenAsked, findings: list[Finding]) -> str:
    if len(findings) == 1:
        return "yes, no or unknown: " if isinstance(findings[0], YesNoFinding) else "value, or unknown: "
    return _PROMPTS[asked.screen.by]


def _label(finding: Finding) -> str:
    if isinstance(finding, QuantityFinding):
        return f"{finding.label} ({unit_text(finding) or 'number'})"
    if isinstance(finding, ChoiceFinding):
        return f"{finding.label} ({', '.join(choice.replace('_', ' ') for choice in finding.choices)})"
    return finding.label
