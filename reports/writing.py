"""Reports written to files: whole or not at all, readable by nobody else, under names that a case cannot choose freely."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from facts.assessment import Assessment
from facts.intake.case_files import Refusal
from knowledge_base.model import KnowledgeBase
from reports.formats import Format


def documents(
    knowledge: KnowledgeBase, assessed: Iterable[Assessment], refusals: Sequence[Refusal], chosen: Format, *, full: bool = False
) -> Iterator[tuple[str, str | bytes]]:
    """Return the file name and content of each case's report; where the format has them, also of the refusals."""
    taken = set[str]()
    for assessment in assessed:
        yield _unused(file_name(assessment.case), taken) + chosen.ending, chosen.render(assessment, knowledge, full=full)
    told = chosen.render_refusals(refusals) if refusals else None
    if told is not None:
        yield _unused("refused", taken) + chosen.ending, told


def file_name(case: str) -> str:
    """Make a file name of a case's name: letters, digits, dots and hyphens, never hidden, never a path, never too long."""
    folded = unicodedata.normalize("NFKC", case)
    kept = re.sub(r"[^\w.-]+", "-", folded).strip(".-_").encode()[:100].decode(errors="ignore")
    try:
        os.fsencode(kept)
    except UnicodeEncodeError:
        # The file system of this locale has no such letters: without their accents, or without them.
        plain = unicodedata.normalize("NFKD", kept).encode("ascii", "ignore").decode()
        kept = re.sub(r"[^\w.-]+", "-", plain).strip(".-_")
    return kept or "case"


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises OSError."""
    data = content if isinstance(content, bytes) else content.encode()
    if path.exists() and not path.is_file():
        # A pipe or a device is written as it is: `--output /dev/stdout`.
        path.write_bytes(data)
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".charley-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_folder(folder: Path, files: Iterable[tuple[str, str | bytes]]) -> int:
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
