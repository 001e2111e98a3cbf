"""The conversation of a consultation: pages are shown, replies and commands read, answers kept before the next question.

The terminal is given: a line of text in, lines of text out. What is decided here is only what is said when. What is asked back
is answered in `asking_back`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from expert.consultation import replies
from expert.consultation.answer_log import AnswerRefused, Log
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked, Section
from expert.consultation.meant import read_assignments
from expert.consultation.moments import Consultation, Moment
from expert.consultation.progress import kept_open, no_longer_standing, progress, status, why_stopped
from expert.consultation.prompt.asking_back import ASKED_BACK, answer_back
from expert.consultation.prompt.reading_pages import PageReader, Terminal
from expert.consultation.sessions import Session, Store
from expert.private_sqlite import StoreError
from facts.problems import UnknownName
from facts.requirements import answer_text
from reports.words.cleaning import clean

EXAMPLES = (
    "2 5          questions 2 and 5 are so (on a page of history the others are then absent)",
    "67f 20w 3    the age is 67, the sex female, what is counted in weeks 20, and 3 is so; or by number: 1=67 17=20",
    "+ dark urine   something the page does not ask; with a value: + K 2.9",
)
COMMANDS = (
    ("+ NAME [VALUE]", "record something that is not asked here, found by any word: + tingling lips, + K 2.9, + no fever"),
    ("why [N]", "why this page, or its question N, is asked, and what each answer would do"),
    ("how [NAME]", "how the urgency, a cause or a warning sign was concluded"),
    ("why not NAME", "which rules of a cause or warning sign hold, are open, or fail"),
    ("what if NAME=VALUE", "what another answer, or several (A=yes, B=sudden), would change, without recording it"),
    ("status", "where the assessment stands, and what is open"),
    ("change NAME=VALUE", "change an answer that was given; change medicines asks for the lists again"),
    ("open", "which answers of “unknown” keep which conclusion open"),
    ("more", "go on with everything that could still change something, pertinent or not"),
    ("undo", "undo the last step, or begin this page again"),
    ("report", "the report of what is known so far"),
    ("quit", "stop here; every answer is saved"),
)
_HOW_TO = {
    "history": "Type the numbers that apply; the other signs are recorded as absent (rest u leaves them open). n: none.",
    "examination": "Type the numbers of what was found. The others stay unknown, or with n at the end: examined, and absent.",
    "test": "Type what is available: 1=3.1 mmol/l gives a value, 4 says yes and n4 says no. What is not named stays unknown.",
}
_HOW_TO_MORE = (
    "u3 leaves 3 unknown, n3 says no, 2-4 names all three; u leaves the whole page open. Medicines: four letters may do (furo)."
)


class _Quit(Exception):
    pass


@dataclass
class Conversation(PageReader):
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
        self.is_begun = False
        """Whether something of the page in sight was answered, so that "undo" begins it again."""
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

    # One page

    def present(self) -> None:
        """Show the next page, or why there is none; once, and again only when an answer changed something."""
        if isinstance(self.moment.next, Certificate):
            self.certify(self.moment.next)
        else:
            self.show(self.moment.next)
        self.shown, self.is_begun = self.moment, False

    def turn(self) -> None:
        """Take one reply or command."""
        asked = self.moment.next
        if isinstance(asked, Certificate):
            self.terminal.say(
                "report, more (asks whatever could change anything), open, change, undo, how, why not, + NAME, or quit.",
                "quiet",
            )
            text = self.terminal.ask("> ")
            if not text.strip():
                raise _Quit
            if not self.command(text):
                self.terminal.say(f"{clean(text)!r} is not a command; ? lists them")
            return
        answers: dict[str, Any] = {}
        self.denied = frozenset()
        for section in _in_turn(asked):
            read = self.section(section)
            if read is None:
                return
            answers |= read
            self.is_begun = True
        self.record(asked.screen.id, answers)

    # Answers

    def record(self, screen: str, answers: dict[str, Any]) -> None:
        """Keep answers, then say what they revealed. What cannot stand is explained, and asked again."""
        try:
            log, moment = self.consultation.answered(self.log, self.session.name, screen, answers, self.clock(), self.denied)
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
            reply = self.terminal.ask("Press Enter for the questions that matter now, or type stop to end: ")
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
        stripped = text.strip()
        if stripped.startswith("+"):
            self.attempt(lambda: self.add(stripped[1:]))
            return True
        first, _, rest = stripped.partition(" ")
        first, rest = first.casefold(), " ".join(rest.split())
        plain = {
            "?": self.help,
            "help": self.help,
            "status": lambda: self.tell(status(self.moment, self.knowledge)),
            "report": lambda: self.terminal.say(self.report(self.moment)),
            "open": self.open,
            "more": self.more,
            "undo": self.undo,
        }
        if first in ("quit", "exit", "q"):
            raise _Quit
        if first in plain and not rest:
            plain[first]()
        elif first == "change":
            self.attempt(lambda: self.change(rest))
        elif first in ASKED_BACK:
            self.attempt(lambda: self.tell(answer_back(first, rest, self.moment, self.consultation)))
        else:
            return False
        return True

    def attempt(self, do: Callable[[], None]) -> None:
        """Do something, and explain what keeps it from being done."""
        try:
            do()
        except (UnknownName, replies.ReplyError, AnswerRefused) as error:
            self.terminal.say(f"  {clean(str(error))}")

    def add(self, text: str) -> None:
        """Record what the page does not ask."""
        self.change_to(self.told(text))

    def more(self) -> None:
        """Ask from here on whatever could change anything."""
        self.consultation = Consultation(self.consultation.assessor, thorough=True)
        self.moment = self.consultation.moment(self.log, self.session.name)

    def change(self, text: str) -> None:
        """Change answers that were given, wherever it was, or the medicine lists."""
        if text.casefold() in ("medicines", "medicine", "medication"):
            lists = self.medicines()
            if lists is not None:
                self.change_to(lists)
            return
        answers = read_assignments(text, self.moment, self.knowledge)
        self.change_to(answers)
        for name, value in answers.items():
            label = self.knowledge.vocabulary.findings[name].label
            self.terminal.say(f"  {label}: {'unknown' if value is None else clean(answer_text(value))}", "quiet")

    def change_to(self, answers: dict[str, Any]) -> None:
        """Record answers outside of a page, and say which others no longer stand. Raises AnswerRefused."""
        if not answers:
            return
        log, moment = self.consultation.changed(self.log, self.session.name, answers, self.clock())
        before = self.moment
        self.keep(log, moment)
        for line in no_longer_standing(before, moment, answers, self.knowledge):
            self.terminal.say(f"  {line}", "quiet")

    def open(self) -> None:
        """Say what every answer of "unknown" keeps open."""
        certificate = self.consultation.questioner.certificate(self.moment.known, self.moment.prospect)
        self.tell(kept_open(certificate, self.moment, self.knowledge) or ["No answer of “unknown” keeps anything open."])

    def undo(self) -> None:
        """Take the last step back: what was answered of this page, or else the page before."""
        if self.is_begun:
            self.terminal.say("  This page begins again.", "quiet")
            self.shown = None
            return
        log = self.consultation.undone(self.log, self.clock())
        if log == self.log:
            self.terminal.say("  There is nothing to undo.")
            return
        self.keep(log, self.consultation.moment(log, self.session.name))
        self.terminal.say("  The last step was undone.", "quiet")

    def tell(self, lines: list[str]) -> None:
        """Show lines that may quote what was typed."""
        for line in lines:
            self.terminal.say(line)

    def help(self) -> None:
        """Show what can be typed by three examples, then the commands, and what the questions of the page mean."""
        for example in EXAMPLES:
            self.terminal.say(f"  {example}")
        asked = self.moment.next
        if isinstance(asked, ScreenAsked):
            self.terminal.say(_HOW_TO[asked.screen.by])
            self.terminal.say(_HOW_TO_MORE)
            for place, name in enumerate(asked.questions, start=1):
                finding = self.knowledge.vocabulary.findings[name]
                self.terminal.say(f"  {place:>2} {finding.question} {finding.help}".rstrip())
        for command, says in COMMANDS:
            self.terminal.say(f"  {command:<20} {says}")


def _in_turn(asked: ScreenAsked) -> list[ScreenAsked]:
    """Return the parts of a page that are answered one after the other: the numbered questions, then each other section."""
    numbered = tuple(section for section in asked.sections if section.questions)
    others: list[tuple[Section, ...]] = [(section,) for section in asked.sections if not section.questions]
    return [ScreenAsked(sections, asked.in_full) for sections in [numbered, *others] if sections]
