"""The commands `charley consult` and `charley sessions`: what is typed, where answers are kept, the exit status."""

import sys
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expert.commands.options import CONTEXT, PATH, REFUSED, knowledge_option, language_option, load_for_assessing, store_option

if TYPE_CHECKING:
    from expert.consultation.moments import Consultation, Moment
    from expert.consultation.sessions import Session, Store
    from knowledge_base.model import KnowledgeBase
from expert.commands.options import put_out, store_path, telling_errors


@click.command(context_settings=CONTEXT)
@click.option("--name", default="consultation", show_default=True, help="What to call the patient in the report.")
@click.option(
    "--answers",
    type=PATH,
    metavar="CASE",
    help="Answer from a case file instead: what it does not tell is “unknown”. Nothing is kept.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="With --answers: what to write.",
)
@click.option("--no-store", is_flag=True, help="Keep nothing on disk.")
@click.option("--thorough", is_flag=True, help="Ask whatever could change a conclusion, also where nothing suggests it.")
@store_option
@language_option
@knowledge_option
def consult(
    name: str,
    answers: Path | None,
    form: str,
    no_store: bool,
    thorough: bool,
    store: Path | None,
    language: str,
    knowledge: Path | None,
) -> None:
    """Sit with a patient: ask what is pertinent, say why, and stop when nothing pertinent is left.

    The dangers come first. At any prompt: why, how, why not, what if, status, undo, change, report, quit, and ? for help. Each
    answer is on disk before the next question, so an interrupted consultation resumes with `charley sessions resume`.

    \b
    Examples:
      charley consult
      charley consult --name "bed 7"
      charley consult --answers patient.yaml --format json
    """

    consultation = _consultation(load_for_assessing(knowledge, language), thorough=thorough)
    if answers is not None:
        _hold_with_answers(consultation, answers, form)
        return
    if form == "json":
        raise click.UsageError("--format json needs --answers CASE; in a consultation, type report")
    with telling_errors(), nullcontext() if no_store else _opened(store) as kept:
        from expert.consultation.sessions import Session

        if kept is None:
            session = Session("", name[:200], _now(), consultation.knowledge.hash)
        else:
            session = kept.begin(name[:200], _now(), consultation.knowledge.hash)
        _hold(consultation, session, kept)


@click.group(context_settings=CONTEXT)
def sessions() -> None:
    """Manage saved consultations: list, show, resume, export, import, delete."""


@sessions.command("list", context_settings=CONTEXT)
@store_option
def list_(store: Path | None) -> None:
    """List the consultations that are kept, the oldest first."""
    from reports.words.cleaning import clean

    with telling_errors(), _opened(store) as opened:
        kept = opened.sessions()
    for session in kept:
        answers = sum(len(event.answers) for event in session.log)
        click.echo(f"{clean(session.id)}  {clean(session.begun)}  {answers:>4} answers  {clean(session.name)}")
    if not kept:
        click.echo("No consultation is kept here.", err=True)


@sessions.command(context_settings=CONTEXT)
@click.argument("session")
@store_option
@language_option
@knowledge_option
def show(session: str, store: Path | None, language: str, knowledge: Path | None) -> None:
    """Show where the consultation SESSION stands, with its report."""
    from expert.consultation.answer_log import AnswerRefused

    with telling_errors(), _opened(store) as opened:
        kept = opened.load(session)
        consultation = _consultation(load_for_assessing(knowledge, language))
        try:
            moment = consultation.moment(kept.log, kept.name)
        except AnswerRefused as error:
            _refuse(f"these answers do not fit this knowledge base: {error}")
        _tell_other_knowledge(kept, consultation)
        from expert.consultation.progress import status

        for line in status(moment, consultation.knowledge):
            click.echo(line)
        click.echo()
        click.echo(_report(moment, consultation.knowledge), nl=False)


@sessions.command(context_settings=CONTEXT)
@click.argument("session")
@store_option
@language_option
@knowledge_option
def resume(session: str, store: Path | None, language: str, knowledge: Path | None) -> None:
    """Resume the consultation SESSION."""

    with telling_errors(), _opened(store) as kept:
        found = kept.load(session)
        consultation = _consultation(load_for_assessing(knowledge, language))
        _tell_other_knowledge(found, consultation)
        _hold(consultation, found, kept)


@sessions.command(context_settings=CONTEXT)
@click.argument("session")
@click.option("--output", type=PATH, metavar="FILE", help="Write to a file. Default: the terminal.")
@store_option
def export(session: str, output: Path | None, store: Path | None) -> None:
    """Write the consultation SESSION as JSON, with its whole log."""
    from expert.consultation.sessions import exported
    from reports.json_report import to_json

    with telling_errors(), _opened(store) as opened:
        text = to_json(exported(opened.load(session)))
    put_out(text, output)


@sessions.command("import", context_settings=CONTEXT)
@click.argument("file", type=PATH)
@store_option
def import_(file: Path, store: Path | None) -> None:
    """Import a consultation that was exported to FILE."""
    import json

    from expert.consultation.sessions import imported
    from expert.private_sqlite import StoreError
    from facts.nesting import DEEPEST_CASE, is_deeper

    with telling_errors():
        try:
            written: Any = json.loads(file.read_text(encoding="utf-8"))
            if is_deeper(written, DEEPEST_CASE):
                raise RecursionError
        except (ValueError, RecursionError):
            raise StoreError(f"{file}: not JSON; `charley sessions export` writes it") from None
        if not isinstance(written, dict):
            raise StoreError(f"{file}: not an exported consultation; `charley sessions export` writes one")
        session = imported(written)
        with _opened(store) as opened:
            opened.keep(session)
    click.echo(f"{session.id} is kept", err=True)


@sessions.command(context_settings=CONTEXT)
@click.argument("session")
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_option
def delete(session: str, yes: bool, store: Path | None) -> None:
    """Delete the consultation SESSION with everything that was answered."""
    with telling_errors(), _opened(store) as kept:
        found = kept.load(session)
        if not yes:
            click.confirm(f"Delete {found.id} ({found.name!r})?", abort=True)
        kept.delete(found)
    click.echo(f"{found.id} is deleted", err=True)


def _consultation(base: "KnowledgeBase", *, thorough: bool = False) -> "Consultation":
    from expert.consultation.moments import Consultation
    from expert.inference.assessing import Assessor

    return Consultation(Assessor(base), thorough=thorough)


def _hold(consultation: "Consultation", session: "Session", store: "Store | None") -> None:
    from expert.consultation.answer_log import AnswerRefused
    from expert.consultation.prompt import terminal
    from expert.consultation.prompt.conversation import COMMANDS, Conversation

    knowledge = consultation.knowledge
    words = [command.split()[0] for command, _ in COMMANDS]
    words += [*knowledge.vocabulary.findings, *knowledge.causes, *knowledge.warning_signs]
    place = terminal.fitting(words)
    place.say(f"{knowledge.title} · {session.name}", "heading")
    place.say("Charley supports a clinician's judgment. ? shows what can be typed at any prompt.", "quiet")
    try:
        held = Conversation(consultation, place, session, store, _now, lambda moment: _report(moment, knowledge))
    except AnswerRefused as error:
        _refuse(f"these answers do not fit this knowledge base: {error}")
    held.hold()


def _hold_with_answers(consultation: "Consultation", file: Path, form: str) -> None:
    from expert.consultation.answer_log import AnswerRefused
    from expert.consultation.progress import status, why_stopped
    from expert.consultation.record import as_json
    from facts.intake.case_files import read_case_files
    from reports.json_report import plain, to_json
    from reports.words.cleaning import clean

    knowledge = consultation.knowledge
    intake = read_case_files([file], knowledge.vocabulary, knowledge.dictionary)
    problems = [str(problem) for refusal in intake.refusals for problem in refusal.problems]
    written: list[dict[str, Any]] = []
    for case, place in intake.cases:
        try:
            log, moment = consultation.scripted(case, _now)
        except AnswerRefused as error:
            problems.append(f"{place}: case {case.name!r}: {error}")
            continue
        if form == "json":
            written.append({**plain(moment.assessment), "consultation": as_json(consultation, log, moment)})
            continue
        stopped: Any = moment.next
        for line in [*why_stopped(stopped, moment, knowledge), *status(moment, knowledge), ""]:
            click.echo(line)
        click.echo(_report(moment, knowledge), nl=False)
    if form == "json":
        click.echo(to_json(written[0] if intake.read == 1 and written else written), nl=False)
    for problem in problems:
        click.echo(clean(problem), err=True)
    if problems:
        sys.exit(REFUSED)


def _report(moment: "Moment", knowledge: "KnowledgeBase") -> str:
    from reports.formats import TEXT

    return TEXT.render(moment.assessment, knowledge)


def _opened(path: Path | None) -> "closing[Store]":
    from expert.consultation.sessions import Store

    return closing(Store(store_path(path)))


def _tell_other_knowledge(session: "Session", consultation: "Consultation") -> None:
    if session.knowledge != consultation.knowledge.hash:
        click.echo(
            f"This consultation was begun with other knowledge ({session.knowledge[:12]}); "
            f"it is concluded with what is loaded now ({consultation.knowledge.hash[:12]}).",
            err=True,
        )


def _refuse(message: str) -> Any:
    from reports.words.cleaning import clean

    click.echo(clean(message), err=True)
    sys.exit(REFUSED)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
