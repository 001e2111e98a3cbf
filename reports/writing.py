"""Reports written to files: whole or not at all, readable by nobody else, under names that a case cannot choose freely."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from facts.assessment import Assessment
from facts.intake.case_files import Refusal
from knowledge_base.model import KnowledgeBase
from reports.json_report import plain, to_json
from reports.rendering import TextFormat, render

_ENDINGS = {"text": ".txt", "markdown": ".md", "html": ".html", "json": ".json"}
_BETWEEN = {"text": "\n\n", "markdown": "\n\n", "html": "\n"}


def documents(
    knowledge: KnowledgeBase, assessed: Iterable[Assessment], refusals: Sequence[Refusal], form: str, *, full: bool = False
) -> Iterator[tuple[str, str]]:
    """Return the file name and content of each case's report; in JSON also of the refusals, when there are any."""
    taken: set[str] = set()
    for assessment in assessed:
        name = _unused(file_name(assessment.case), taken)
        content = to_json(plain(assessment)) if form == "json" else render(assessment, knowledge, _text_format(form), full=full)
        yield name + _ENDINGS[form], content
    if form == "json" and refusals:
        yield _unused("refused", taken) + ".json", to_json([refused(refusal) for refusal in refusals])


def together(
    knowledge: KnowledgeBase, assessed: Sequence[Assessment], refusals: Sequence[Refusal], form: str, *, full: bool = False
) -> str:
    """Return all reports as one text. JSON is one object for a single case, else a list, with the refusals at its end."""
    if form == "json":
        data: list[dict[str, Any]] = [plain(assessment) for assessment in assessed]
        data += [refused(refusal) for refusal in refusals]
        return to_json(data[0] if len(assessed) == 1 and not refusals else data)
    return _BETWEEN[form].join(render(assessment, knowledge, _text_format(form), full=full) for assessment in assessed)


def refused(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as plain data: the case's name where it could be read, and what was wrong."""
    problems = [
        {"file": p.place.file, "line": p.place.line, "column": p.place.column, "problem": p.message, "fix": p.fix}
        for p in refusal.problems
    ]
    return {"case": refusal.case, "refused": problems}


def file_name(case: str) -> str:
    """Make a file name of a case's name: letters, digits, dots and hyphens, never hidden, never a path, never too long."""
    folded = unicodedata.normalize("NFKC", case)
    kept = re.sub(r"[^\w.-]+", "-", folded).strip(".-_")
    return kept.encode()[:100].decode(errors="ignore") or "case"


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises OSError."""
    if path.exists() and not path.is_file():
        # A pipe or a device is written as it is: `--output /dev/stdout`.
        path.write_text(content, encoding="utf-8")
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".charley-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_folder(folder: Path, files: Iterable[tuple[str, str]]) -> int:
    """Write files into a folder, which is made when it does not exist. Gives their number. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    count = 0
    for name, content in files:
        write_private(folder / name, content)
        count += 1
    return count


def _unused(name: str, taken: set[str]) -> str:
    unused, number = name, 1
    # File systems may take two names for one that differ only in letter case.
    while unused.casefold() in taken:
        number += 1
        unused = f"{name}-{number}"
    taken.add(unused.casefold())
    return unused


def _text_format(form: str) -> TextFormat:
    if form not in ("text", "markdown", "html"):
        raise ValueError(f"no report format {form!r}")
    return form  # type: ignore[return-value]
