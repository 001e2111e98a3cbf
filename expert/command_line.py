"""The `charley` command: what is typed, what is printed, and the exit status.

Heavy modules are imported by the command that needs them, so that `--help` answers at once. Longer than other modules by the
help that each command gives.

Exit status: 0 when everything was done, 1 when Charley itself failed, 2 when something in the input or knowledge was refused.
"""

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expert import __version__
from expert.command_options import CONTEXT, REFUSED, format_option, knowledge_option
from expert.consult_command import consult, sessions
from expert.evaluate_command import evaluate, explain
from expert.web.serve_command import audit, serve, users

if TYPE_CHECKING:
    from facts.assessment import Assessment
    from facts.intake.case_files import Refusal
    from facts.problems import CharleyError
    from knowledge_base.model import KnowledgeBase

_MOST_SHOWN = 200
"""Refusals that are printed one by one; a file of garbage holds millions. The JSON has them all."""


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="charley")
def main() -> None:
    """Charley, an expert system for muscle cramps.

    It takes what is known of a patient and says how urgent it is, what it probably is, what speaks against it, what is not
    known and matters, and what to do next, each with its reasons and sources. It supports a clinician's judgment and does not
    replace it.

    \b
    Examples:
      charley consult
      charley serve
      charley report patient.yaml
      charley report clinic.jsonl --format html --output reports/
      charley knowledge show hypokalemia
      charley schema case > case.schema.json
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a sign gets a substitute; a report is never lost over an arrow.
            stream.reconfigure(errors="replace" if stream.isatty() else "backslashreplace")


main.add_command(consult)
main.add_command(sessions)
main.add_command(evaluate)
main.add_command(explain)
main.add_command(serve)
main.add_command(users)
main.add_command(audit)


@main.command(context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@format_option
@click.option(
    "--output",
    type=click.Path(),
    metavar="PATH",
    help="Write to a file; or into a folder (one that exists, or a PATH ending in /), one file a case.",
)
@knowledge_option
def report(files: tuple[Path, ...], form: str, output: str | None, knowledge: Path | None) -> None:
    """Assess the cases in FILES and explain every conclusion.

    A FILE is YAML, JSON or JSON Lines (.jsonl) with one case or many; a folder stands for the case files in it. What cannot be
    read is refused with its place and a way to mend it, and the rest is assessed all the same: exit status 2 then, else 0.

    \b
    Examples:
      charley report patient.yaml
      charley report *.yaml --format json --output assessments.json
      charley report clinic/ --format html --output reports/
    """
    from expert.assessing import Assessor, ContradictoryCase
    from facts.intake.case_files import Refusal, read_case_files
    from facts.problems import Problem, quoted

    with _making_what_stays():
        base = _load(knowledge)
        assessor = Assessor(base)
    intake = read_case_files(files, base.vocabulary, base.dictionary)
    refusals = list(intake.refusals)
    assessed: list[Assessment] = []
    for case, place in intake.cases:
        try:
            assessed.append(assessor.assess(case))
        except ContradictoryCase as error:
            message = f"case {quoted(case.name)}: the answers contradict each other: {error}"
            refusals.append(Refusal(case.name, (Problem(place, message, "correct one of them"),)))
    if len(assessed) + len(refusals) != intake.read:
        raise AssertionError(f"{intake.read} cases read, but {len(assessed)} assessed and {len(refusals)} refused")
    _write_reports(base, assessed, refusals, form, output)
    _tell_refusals(refusals, len(assessed))
    if refusals:
        sys.exit(REFUSED)


def _write_reports(
    base: "KnowledgeBase", assessed: list["Assessment"], refusals: list["Refusal"], form: str, output: str | None
) -> None:
    from reports.writing import documents, together, write_folder, write_private

    try:
        # A Path forgets the slash at its end, so whether a folder is meant is asked of the text.
        if output is not None and (output.endswith("/") or Path(output).is_dir()):
            count = write_folder(Path(output), documents(base, assessed, refusals, form))
            click.echo(f"{count} {'file' if count == 1 else 'files'} written to {output}", err=True)
        elif output is not None:
            write_private(Path(output), together(base, assessed, refusals, form))
        elif assessed or form == "json":
            click.echo(together(base, assessed, refusals, form), nl=False)
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or output}: cannot be written: {error.strerror}; check the path and the space left"
        ) from None


def _tell_refusals(refusals: list["Refusal"], assessed: int) -> None:
    from reports.view import clean

    for refusal in refusals[:_MOST_SHOWN]:
        for problem in refusal.problems:
            click.echo(clean(str(problem)), err=True)
    if len(refusals) > _MOST_SHOWN:
        click.echo(f"… and {len(refusals) - _MOST_SHOWN:,} more refusals; --format json lists them all", err=True)
    if refusals:
        click.echo(f"{assessed:,} assessed, {len(refusals):,} refused", err=True)


@main.group(context_settings=CONTEXT)
def knowledge() -> None:
    """Look at the knowledge base: what it holds, and whether it is sound."""


@knowledge.command(context_settings=CONTEXT)
@knowledge_option
def check(knowledge: Path | None) -> None:
    """Check the knowledge base: every name, condition, source and level, and what nobody uses.

    Exit status 0 when nothing is wrong, 2 otherwise; every problem is told with its place and what to do.

    \b
    Examples:
      charley knowledge check
      charley knowledge check --knowledge my-headaches/
    """
    from knowledge_base.lint import lint
    from reports.handbook import rests_on_unchecked

    base = _load(knowledge)
    problems = lint(base)
    for problem in problems:
        click.echo(str(problem), err=True)
    kinds = [
        (len(base.vocabulary.findings), "findings"),
        (len(base.dictionary.medicines), "medicines"),
        (len(base.definitions), "definitions"),
        (len(base.causes), "causes"),
        (len(base.warning_signs), "warning signs"),
        (len(base.next_steps), "next steps"),
        (len(base.rules), "rules"),
        (len(base.evidence), "sources"),
    ]
    click.echo(f"{base.title} {base.version} ({base.hash[:12]}): " + ", ".join(f"{count:,} {kind}" for count, kind in kinds))
    unchecked = [rule for rule in base.rules.values() if rests_on_unchecked(rule, base)]
    if unchecked:
        click.echo(f"{len(unchecked)} rules rest on unchecked sources alone (general knowledge, inference, machine-written):")
        for rule in unchecked:
            click.echo(f"  {rule.place}: {rule.id} ({', '.join(rule.sources)})")
    if problems:
        click.echo(f"{len(problems)} problems")
        sys.exit(REFUSED)
    click.echo("No problems.")


@knowledge.command(context_settings=CONTEXT)
@click.argument("name")
@knowledge_option
def show(name: str, knowledge: Path | None) -> None:
    """Show what the knowledge base says of NAME, in English.

    NAME is the id of a finding, definition, cause, warning sign, rule, next step, source or medicine (any of its names).

    \b
    Examples:
      charley knowledge show hypokalemia
      charley knowledge show serum_potassium
      charley knowledge show Ventolin
    """
    from reports.showing import UnknownName, describe

    try:
        click.echo(describe(name, _load(knowledge)))
    except UnknownName as error:
        click.echo(str(error), err=True)
        sys.exit(REFUSED)


@knowledge.command(context_settings=CONTEXT)
@click.option(
    "--format", "form", type=click.Choice(["html", "markdown"]), default="html", show_default=True, help="What to write."
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file. Default: the terminal.")
@click.option(
    "--cases", type=click.Path(path_type=Path), metavar="FOLDER", help="Name each rule's cases from these case files."
)
@knowledge_option
def handbook(form: str, output: Path | None, cases: Path | None, knowledge: Path | None) -> None:
    """Write the whole knowledge base as a document that a clinician can read, check and sign.

    Every rule in English with its source, threshold and cases, and an index by finding. Rules that rest on unchecked sources
    alone are marked and listed.

    \b
    Examples:
      charley knowledge handbook --output handbook.html
      charley knowledge handbook --format markdown --cases tests/cases > handbook.md
    """
    from facts.intake.case_files import read_case_files
    from reports.handbook import handbook as tell_all
    from reports.handbook import render_handbook
    from reports.writing import write_private

    base = _load(knowledge)
    named: dict[str, list[str]] = {}
    intake = read_case_files([cases] if cases else [], base.vocabulary, base.dictionary)
    for case, _ in intake.cases:
        for rule in (*case.expected.fires, *case.expected.ruled_out):
            named.setdefault(rule, []).append(case.name)
    text = render_handbook(tell_all(base, named), "html" if form == "html" else "markdown")
    if output is None:
        click.echo(text, nl=False)
    else:
        write_private(output, text)
    _tell_refusals(list(intake.refusals), len(intake.cases))
    if intake.refusals:
        sys.exit(REFUSED)


@main.command(context_settings=CONTEXT)
@click.argument("what", type=click.Choice(["case", "assessment"]))
@knowledge_option
def schema(what: str, knowledge: Path | None) -> None:
    """Print the JSON Schema of a case file or of an assessment.

    \b
    Examples:
      charley schema case > case.schema.json
      charley schema assessment
    """
    from reports.json_report import assessment_schema, case_schema, to_json

    if what == "assessment":
        click.echo(to_json(assessment_schema()), nl=False)
        return
    base = _load(knowledge)
    click.echo(to_json(case_schema(base.vocabulary, list(base.levels), list(base.causes))), nl=False)


@contextmanager
def _making_what_stays() -> Iterator[None]:
    """Keep the garbage collector out while the knowledge is made.

    All of it stays until the process ends, and looking through it again and again takes a third of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load_for_assessing(folder: Path | None) -> "KnowledgeBase":
    """Load a knowledge base that stays until the process ends. Exits with its problems when it cannot be used."""
    with _making_what_stays():
        return _load(folder)


def _load(folder: Path | None) -> "KnowledgeBase":
    from facts.problems import CharleyError
    from knowledge_base.loading import load_knowledge_base

    try:
        return load_knowledge_base(folder)
    except CharleyError as error:
        _refuse_knowledge(error)
        raise AssertionError("unreachable") from None


def _refuse_knowledge(error: "CharleyError") -> Any:
    _echo_lines(error.problems)
    click.echo(f"The knowledge base cannot be used: {len(error.problems)} problems.", err=True)
    sys.exit(REFUSED)


def _echo_lines(lines: Iterable[object]) -> None:
    for line in lines:
        click.echo(str(line), err=True)
