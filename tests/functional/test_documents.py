"""What the documentation shows is what the program says, and what it names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from expert.command_line import main
from facts.intake.case_files import read_cases
from facts.intake.entries import read_text
from knowledge_base.model import KnowledgeBase
from tests.regenerate import ROOT, TRANSCRIPTS, at_most, documents, entry, parts_with, regenerate, run
from tests.scripted_consultation import hold

SCRIPTS = sorted(TRANSCRIPTS.glob("*.yaml"))
DOCUMENTS = [*documents(), ROOT / "benchmarks" / "README.md"]
AGAIN = "python -m tests.regenerate writes this anew; read what changed"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_kept_transcript_is_what_the_consultation_says(script: Path) -> None:
    shown, typed = hold(script)
    assert shown == script.with_suffix(".txt").read_text(encoding="utf-8"), AGAIN
    # And through a pipe, as a process of its own, it says the same.
    assert run(["consult", "--no-store", "--name", script.stem.replace("-", " ")], typed) == shown


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_answers_what_can_be_asked(script: Path, knowledge: KnowledgeBase) -> None:
    findings = knowledge.vocabulary.findings.values()
    shown = {finding.label for finding in findings} | {finding.question for finding in findings} | {"Current medicines"}
    for screen in knowledge.interview.screens.values():
        shown |= {*screen.short.values(), *([screen.lead_in] if screen.results or screen.anything else [])}
    assert set(yaml.safe_load(script.read_text(encoding="utf-8"))["answers"]) <= shown


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_reply_of_a_transcript_is_refused(script: Path) -> None:
    lines = script.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.search(r", expected | is not a command", line)] == []


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_block_is_what_the_program_says(document: Path) -> None:
    assert document.read_text(encoding="utf-8") == regenerate(document), AGAIN


def test_a_danger_interrupts_and_undo_and_change_correct_what_was_answered() -> None:
    danger = (TRANSCRIPTS / "danger.txt").read_text(encoding="utf-8")
    assert "!! IMMEDIATE !!" in danger and "The last step was undone." in danger
    assert "The last step was undone." in (TRANSCRIPTS / "night-cramps.txt").read_text(encoding="utf-8")
    assert "the age: 59" in (TRANSCRIPTS / "night-cramps.txt").read_text(encoding="utf-8")


def test_readme_is_read_in_three_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_or_a_heading_of_it(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        linked = (document.parent / path) if path else document
        assert linked.exists(), target
        if heading:
            assert heading in headings(linked), target


def test_every_document_can_be_reached_from_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        seen.add(document)
        links = re.findall(r"\]\((?!https?:)([^)#\s]+\.md)", document.read_text(encoding="utf-8"))
        waiting += {(document.parent / link).resolve() for link in links} - seen
    assert {document for document in documents() if document not in seen} == set()


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_command_exists_with_its_options(document: Path) -> None:
    for line in commands(document):
        words = line.split()
        command: click.Command = main
        while isinstance(command, click.Group) and len(words) > 1 and words[1] in command.commands:
            command = command.commands[words.pop(1)]
        assert not isinstance(command, click.Group) or command is not main or "--help" in words, line
        known = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_make_target_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make (\w+)", document.read_text(encoding="utf-8"), re.MULTILINE):
        assert f"\n{target}:" in makefile


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_file_of_the_project_that_is_named_exists(document: Path) -> None:
    """A name in capitals, as in causes/CATEGORY.yaml, stands for any: then its folder must exist."""
    folders = "facts|knowledge_base|reports|expert|tests|benchmarks|docs"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", document.read_text(encoding="utf-8"))
    paths = [ROOT / re.sub(r"[\w.-]*\b[A-Z]{3,}\b.*", "", name) for name in named if not name.endswith("README.md")]
    assert [path for path in paths if not path.exists()] == []


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_case_that_is_shown_can_be_read(document: Path, knowledge: KnowledgeBase) -> None:
    for shown in re.findall(r"^```yaml\n(case: .*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        assert read_cases(read_text(shown, name_of(document)), knowledge.vocabulary, knowledge.dictionary).refusals == ()


def headings(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    lines = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


def commands(document: Path) -> Iterator[str]:
    """Return each line of a code block that is a command of Charley, without its comment."""
    for block in re.findall(r"^```\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("charley "):
                yield line.partition(" #")[0]


# How blocks are shortened

REPORT = """\
TITLE

CAUSES
  one
    why
    because
  two, which is told in a line that is as long as a line may be, so that it has to be broken at
    this word
  three
"""


def test_at_most_keeps_the_first_of_each_run_with_the_lines_they_go_on_in() -> None:
    long = REPORT.splitlines()[6]
    assert at_most(REPORT, 1) == "TITLE\n\nCAUSES\n  one\n    why\n    …\n  …"
    assert at_most(REPORT, 2).splitlines()[3:] == ["  one", "    why", "    because", long, "    this word", "  …"]


def test_parts_keep_their_paragraphs_and_tell_of_the_gaps() -> None:
    assert parts_with("a\n\nb\n\nc\n\nd\n", ["b", "d"]) == "…\n\nb\n\n…\n\nd"
    with pytest.raises(SystemExit, match="no paragraph holds 'e'"):
        parts_with("a\n\nb", ["e"])


def test_an_entry_ends_where_its_indentation_does() -> None:
    assert entry("a:\n  b:\n    c: 1\n\n    d: 2\n  e: 3\n", "b") == "b:\n  c: 1\n\n  d: 2"
