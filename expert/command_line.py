"""The `charley` command: what is typed, what is printed, and the exit status.

Heavy modules are imported by the command that needs them, so that `--help` answers at once. Longer than other modules by the
help that each command gives.

Exit status: 0 when everything was done, 1 when Charley itself failed, 2 when something in the input or knowledge was refused.
"""

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expert import __version__
from expert.commands.compare import compare
from expert.commands.consult import consult, sessions
from expert.commands.evaluate import evaluate
from expert.commands.explain import explain
from expert.commands.feedback import feedback
from expert.commands.findings import findings
from expert.commands.knowledge import knowledge
from expert.commands.knowledge_diff import diff
from expert.commands.operating import backup, doctor, restore
from expert.commands.options import (
    CONTEXT,
    PATH,
    PATH_AS_WRITTEN,
    REFUSED,
    format_option,
    gc_paused,
    knowledge_option,
    language_option,
    load,
    load_for_assessing,
    tell_refusals,
    what_would_change_option,
)
from expert.commands.record_options import judging_options
from expert.commands.serve import audit, serve, users
from reports.formats import AUDIENCES, Pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from facts.assessment import Assessment
    from facts.case import Case
    from facts.intake.case_files import Refusal
    from facts.intake.judging import Judging
    from knowledge_base.model import KnowledgeBase
    from reports.formats import Format
    from reports.pdf import Paper

_OBJECTS_BETWEEN_COLLECTIONS = 50_000


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="charley")
def main() -> None:
    """Charley, an expert system for muscle cramps.

    It takes what is known of a patient and says how urgent it is, what it could be, what argues against that, which unknowns
    matter, and what to do next, each with its reasons and sources. It supports a clinician's judgment and does not replace it.

    \b
    Examples:
      charley consult
      charley serve
      charley report patient.yaml
      charley report clinic.jsonl --format html --output reports/
      charley compare january.yaml march.yaml
      charley knowledge show hypokalemia
      charley schema case > case.schema.json
    """
    # Modules and knowledge stay; to look through them for garbage every 700 objects is a tenth of what a short command takes.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a sign gets a substitute; a report is never lost over an arrow.
            stream.reconfigure(errors="replace" if stream.isatty() else "backslashreplace")


main.add_command(consult)
main.add_command(compare)
main.add_command(sessions)
main.add_command(evaluate)
main.add_command(explain)
main.add_command(feedback)
main.add_command(findings)
main.add_command(knowledge)
knowledge.add_command(diff)
main.add_command(serve)
main.add_command(users)
main.add_command(audit)
main.add_command(backup)
main.add_command(restore)
main.add_command(doctor)


@main.command(context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@format_option
@click.option(
    "--output",
    type=PATH_AS_WRITTEN,
    metavar="PATH",
    help="Write to a file; or into a folder (one that exists, or a PATH ending in /), one file a case.",
)
@click.option("--full", is_flag=True, help="Write the whole argument, not one page. HTML always holds it, folded away.")
@click.option(
    "--audience",
    type=click.Choice(list(AUDIENCES)),
    default=next(iter(AUDIENCES)),
    show_default=True,
    help="Who reads it. For a patient: half a page in plain words, which no clinician has checked yet.",
)
@click.option(
    "--paper", type=click.Choice(["A4", "Letter"]), default="A4", show_default=True, help="The paper of --format pdf."
)
@judging_options
@what_would_change_option
@language_option
@knowledge_option
def report(
    files: tuple[Path, ...],
    form: str,
    output: str | None,
    full: bool,
    audience: str,
    paper: "Paper",
    judging: "Judging",
    what_would_change: bool,
    language: str,
    knowledge: Path | None,
) -> None:
    """Assess the cases in FILES, and report each on a page: the verdict, the leading causes, what to do now.

    A FILE is YAML, JSON or JSON Lines (.jsonl) with one case or many, or a patient record in FHIR R4: a Bundle (.json) or Bulk
    Data (.ndjson), also as .gz; a folder stands for the files in it. What cannot be read is refused with its place and a way
    to fix it, and the rest is assessed all the same: exit status 2 then, else 0.

    \b
    Examples:
      charley report patient.yaml
      charley report patient.yaml --full
      charley report patient.yaml --audience patient
      charley report patient.yaml --format pdf --paper Letter --output report.pdf
      charley report *.yaml --format json --output assessments.json
      charley report clinic/ --format html --output reports/
      charley report patient.yaml --what-would-change
      charley report bundle.json --as-of 2026-03-01
      charley report patient.yaml --language de
    """
    chosen = AUDIENCES[audience].get(form)
    if chosen is None or (audience == "patient" and (full or what_would_change)):
        raise click.UsageError(f"--audience patient is half a page, as {', '.join(AUDIENCES['patient'])}; leave out the rest.")
    if isinstance(chosen, Pdf):
        chosen = replace(chosen, paper=paper)
    from expert.inference.assessing import Assessor, ContradictoryCase
    from facts.intake.case_files import Refusal
    from facts.intake.files import read_files
    from facts.problems import Problem, quoted
    from reports.formats import FhirDocument

    base = load_for_assessing(knowledge, language)
    with gc_paused():
        assessor = Assessor(base)
    assess: Callable[[Case], Assessment] = assessor.assess
    if what_would_change:
        from expert.proofs.what_would_change import explaining_changes

        assess = explaining_changes(assessor)
    intake = read_files(files, base.vocabulary, base.dictionary, judging)
    refusals = list(intake.refusals)
    assessed: list[Assessment] = []
    for case, place in intake.cases:
        try:
            assessed.append(assess(case))
        except ContradictoryCase as error:
            message = f"case {quoted(case.name)}: the answers contradict each other: {error}"
            refusals.append(Refusal(case.name, (Problem(place, message, "correct one of them"),)))
    if len(assessed) + len(refusals) != intake.read:
        raise AssertionError(f"{intake.read} cases read, but {len(assessed)} assessed and {len(refusals)} refused")
    if judging.as_of and isinstance(chosen, FhirDocument):
        chosen = replace(chosen, day=judging.as_of.isoformat())
    _write_reports(base, assessed, refusals, chosen, output, full or what_would_change)
    tell_refusals(refusals, len(assessed))
    if refusals:
        sys.exit(REFUSED)


def _write_reports(
    base: "KnowledgeBase",
    assessed: list["Assessment"],
    refusals: list["Refusal"],
    chosen: "Format",
    output: str | None,
    full: bool,
) -> None:
    from reports.arranged.leaflet import NoLeaflet
    from reports.pdf import NoPdf
    from reports.writing import documents, write_folder, write_private

    try:
        # A Path forgets the slash at its end, so whether a folder is meant is asked of the text.
        if output is not None and (output.endswith("/") or Path(output).is_dir()):
            count = write_folder(Path(output), documents(base, assessed, refusals, chosen, full=full))
            click.echo(f"{count} {'file' if count == 1 else 'files'} written to {output}", err=True)
        elif output is not None:
            write_private(Path(output), chosen.render_all(assessed, refusals, base, full=full))
        elif isinstance(chosen, Pdf) and sys.stdout.isatty():
            raise click.UsageError("a PDF is not for a terminal; name a file: --output report.pdf")
        else:
            click.echo(chosen.render_all(assessed, refusals, base, full=full), nl=False)
    except (NoLeaflet, NoPdf) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        from expert.disk_errors import advise

        raise click.ClickException(
            f"{error.filename or output}: cannot be written: {error.strerror}; {advise(error)}"
        ) from None


@main.command(context_settings=CONTEXT)
@click.argument("what", type=click.Choice(["case", "assessment", "table", "mapping", "questionnaire"]))
@knowledge_option
def schema(what: str, knowledge: Path | None) -> None:
    """Print the JSON Schema of a case file or of an assessment; an example of a table or mapping file; or a FHIR Questionnaire.

    A QuestionnaireResponse to that Questionnaire is read as a part of the patient's record.

    \b
    Examples:
      charley schema case > case.schema.json
      charley schema assessment
      charley schema table > example.csv
      charley schema mapping > columns.yaml
      charley schema questionnaire > questionnaire.json
    """
    from facts.intake.tables.example import mapping_example, table_example
    from reports.json_report import assessment_schema, case_schema, to_json

    if what == "assessment":
        click.echo(to_json(assessment_schema()), nl=False)
        return
    base = load(knowledge)
    if what in ("table", "mapping"):
        example = table_example(base.vocabulary, base.dictionary) if what == "table" else mapping_example(base.vocabulary)
        click.echo(example, nl=False)
        return
    if what == "questionnaire":
        from reports.knowledge.questionnaire import questionnaire

        click.echo(to_json(questionnaire(base)), nl=False)
        return
    click.echo(to_json(case_schema(base.vocabulary, list(base.levels), list(base.causes))), nl=False)
