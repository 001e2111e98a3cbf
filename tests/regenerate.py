"""Write anew everything in the documentation that the program says itself: `python -m tests.regenerate`.

A document holds a block between two comments, the first of which says where the block comes from:

    <!-- shown: charley report facts/examples/night-cramps-on-a-diuretic.yaml; at most 2 -->
    <!-- /shown -->

- `charley WORDS` is what the command prints (standard output and errors, from the project's root),
- `transcript NAME` is tests/transcripts/NAME.txt, itself written by tests/scripted_consultation.py from NAME.yaml,
- `entry KEY of PATH` is the lines of a file from the key to the end of its indentation,
- `code of PATH` is a whole file,
- `python` is what the Python blocks above it in the same document print, since the last such block.

`; at most N` keeps N lines of each indented run and writes … for the rest; `; parts with "A", "B"` keeps the first paragraph
that holds each of these texts; `; first N lines` keeps those. tests/functional/test_documents.py fails when a block is not what
would be written here.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.golden_reports import GOLDEN, golden_assessments, golden_files
from tests.scripted_consultation import hold

ROOT = Path(__file__).parents[1]
TRANSCRIPTS = ROOT / "tests" / "transcripts"
_BLOCK = re.compile(r"<!-- shown: (?P<told>[^>]*?) -->\n(?P<block>.*?)<!-- /shown -->", re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WIDTH = 92
"""Of a text report; a line that could not have held the next line's first word goes on there."""


def documents() -> list[Path]:
    """Return every document whose blocks are written from the program."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def regenerate(document: Path) -> str:
    """Return a document with every block as the program says it now."""
    text = document.read_text(encoding="utf-8")
    parts: list[str] = []
    names: dict[str, Any] = {}
    end = 0
    for found in _BLOCK.finditer(text):
        before = text[end : found.start()]
        parts += [before, f"<!-- shown: {found['told']} -->\n{_block(found['told'], before, names)}<!-- /shown -->"]
        end = found.end()
    return "".join([*parts, text[end:]])


def _block(told: str, before: str, names: dict[str, Any]) -> str:
    source, *options = told.split("; ")
    language, text = _source(source, before, names)
    for option in options:
        if wanted := re.fullmatch(r"parts with (.+)", option):
            text = parts_with(text, re.findall(r'"([^"]+)"', wanted[1]))
        elif most := re.fullmatch(r"at most (\d+)", option):
            text = at_most(text, int(most[1]))
        elif first := re.fullmatch(r"first (\d+) lines", option):
            text = first_lines(text, int(first[1]))
        else:
            raise SystemExit(f'{told}: found {option!r}, expected `at most N`, `first N lines` or `parts with "A"`')
    return f"```{language}\n{text.rstrip()}\n```\n"


def _source(source: str, before: str, names: dict[str, Any]) -> tuple[str, str]:
    kind, _, rest = source.partition(" ")
    if kind == "charley":
        return "", run(rest.split())
    if kind == "transcript":
        return "", (TRANSCRIPTS / f"{rest}.txt").read_text(encoding="utf-8")
    if kind == "entry":
        key, _, path = rest.partition(" of ")
        return "yaml", entry((ROOT / path).read_text(encoding="utf-8"), key)
    if kind == "code":
        return "yaml", (ROOT / rest.removeprefix("of ")).read_text(encoding="utf-8")
    if kind == "python":
        return "", _run_python(before, names)
    raise SystemExit(f"{source}: expected charley, transcript, entry, code or python")


def run(words: Sequence[str], typed: str = "") -> str:
    """Run `charley` with these words as a user does, from the project's root, and return everything that it prints."""
    command = [sys.executable, "-m", "expert", *words]
    # Help is laid out for the width of a terminal.
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        command, input=typed.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=ROOT, check=False
    )
    if done.returncode not in (0, 2):
        raise SystemExit(f"charley {' '.join(words)} ended with {done.returncode}:\n{done.stdout.decode()}")
    return done.stdout.decode()


def _run_python(before: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.chdir(ROOT):
        for code in _PYTHON.findall(before):
            exec(compile(code, "documentation", "exec"), names)  # noqa: S102 - the project's own documentation
    return printed.getvalue()


def entry(text: str, key: str) -> str:
    """Return the lines of a YAML entry: from its key to the last line that is indented deeper."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.lstrip() == f"{key}:":
            depth = _depth(line)
            kept = [line]
            for below in lines:
                if below.strip() and _depth(below) <= depth:
                    break
                kept.append(below)
            return dedent("\n".join(kept)).rstrip()
    raise SystemExit(f"no entry {key!r}")


def parts_with(text: str, wanted: Sequence[str]) -> str:
    """Keep the first paragraph that holds each of some texts, and write … for those left out."""
    paragraphs = text.rstrip().split("\n\n")
    kept: set[int] = set()
    for some in wanted:
        holding = [place for place, paragraph in enumerate(paragraphs) if some in paragraph]
        if not holding:
            raise SystemExit(f"no paragraph holds {some!r}; write another text into the comment that asks for it")
        kept.add(holding[0])
    shown = [paragraph if place in kept else "…" for place, paragraph in enumerate(paragraphs)]
    return "\n\n".join(part for place, part in enumerate(shown) if part != "…" or place == 0 or shown[place - 1] != "…")


def first_lines(text: str, count: int) -> str:
    """Keep the first lines, and write … for the rest."""
    lines = text.rstrip().splitlines()
    return "\n".join(lines if len(lines) <= count else [*"\n".join(lines[:count]).rstrip().splitlines(), "…"])


def at_most(text: str, most: int) -> str:
    """Keep the first lines, with what hangs below them, of each run of lines that are indented alike; write … for the rest."""
    return "\n".join(_shorten(_join(text.splitlines()), 0, most))


def _join(lines: Sequence[str]) -> list[list[str]]:
    """Put each line that was broken to fit together with those that it goes on in."""
    joined: list[list[str]] = []
    for line in lines:
        first_word = line.split(maxsplit=1)[0] if line.strip() else ""
        if joined and first_word and line.startswith(" ") and len(joined[-1][-1]) + 1 + len(first_word) > _WIDTH:
            joined[-1].append(line)
        else:
            joined.append([line])
    return joined


def _shorten(items: Sequence[list[str]], depth: int, most: int) -> Iterator[str]:
    """Walk the items of one depth; an item's children are the deeper ones that follow it."""
    shown, place, skipped = 0, 0, False
    while place < len(items):
        end = place + 1
        here = _depth(items[place][0])
        while end < len(items) and items[end][0].strip() and _depth(items[end][0]) > here:
            end += 1
        is_blank = not items[place][0].strip()
        if is_blank or depth == 0 or shown < most:
            shown = 0 if is_blank else shown + 1
            skipped = False
            yield from items[place]
            yield from _shorten(items[place + 1 : end], depth + 1, most)
        elif not skipped:
            skipped = True
            yield " " * here + "…"
        place = end


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def main() -> None:
    """Write the transcripts and the golden reports, and then the documents that show them."""
    for script in sorted(TRANSCRIPTS.glob("*.yaml")):
        _write(script.with_suffix(".txt"), hold(script)[0])
    write_golden_files()
    for document in documents():
        _write(document, regenerate(document))


def write_golden_files() -> None:
    """Write the golden reports, and take away those of cases that are gone."""
    from expert.inference.assessing import Assessor
    from knowledge_base.loading import load_knowledge_base

    assessor = Assessor(load_knowledge_base())
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        written = dict(golden_files(golden_assessments(assessor, Path(folder)), assessor.knowledge))
    for path, text in written.items():
        _write(path, text)
    for path in set(GOLDEN.iterdir()) - set(written):
        path.unlink()


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
