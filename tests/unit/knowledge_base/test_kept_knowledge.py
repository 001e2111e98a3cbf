"""Knowledge that was built before: what is kept equals what is built, and nothing else is ever taken for it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.intake.case_files import read_case_files
from facts.problems import CharleyError
from knowledge_base.loading import load_knowledge_base
from knowledge_base.loading.kept_knowledge import NO_CACHE, KeptKnowledge
from knowledge_base.loading.packing import Unpackable, kept_fields, pack
from knowledge_base.model import KnowledgeBase
from reports.formats import FORMATS, LEAFLETS
from tests.small_knowledge import choice, quantity, write, yes_no

ROOT = Path(__file__).parents[3]
FOREIGN = ROOT / "tests" / "foreign" / "headaches"
FINDINGS = {
    "cough": yes_no("cough", codes={"SNOMED CT": ["1", {"code": "2", "display": "Cough", "unchecked": True}]}),
    "onset": choice("onset", "sudden", "gradual", requires="cough"),
    "potassium": quantity(
        "potassium", accepts=["mg/dL"], molar_mass=39.1, reference={"source": "book", "intervals": [{"low": 3.5}]}
    ),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(NO_CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "charley" / "knowledge"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(
        tmp_path / "small",
        FINDINGS,
        definitions={"bad": "cough and not potassium < 3.5"},
        causes={"flu": {"confirms": {"a": "at_least(2, bad, onset == sudden, potassium >= 5)"}}},
        signs={"alarm": {"b": ("onset in [sudden] or bad", "high")}},
        steps={"rest": "flu"},
        contradictions={"never": "cough and potassium > 9"},
    )


def built(folder: Path | None = None) -> KnowledgeBase:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NO_CACHE, "1")
        return load_knowledge_base(folder, to_assess=True)


def kept(folder: Path | None = None) -> KnowledgeBase:
    load_knowledge_base(folder, to_assess=True)
    found = KeptKnowledge(folder, "").find()
    assert found is not None
    return found


def assert_equal(one: KnowledgeBase, other: KnowledgeBase) -> None:
    for part in kept_fields(KnowledgeBase):
        before, after = getattr(one, part.name), getattr(other, part.name)
        assert before == after and type(before) is type(after), part.name
        assert repr(before) == repr(after) or "frozenset" in repr(before), part.name


def test_what_is_kept_equals_what_is_built_of_the_shipped_knowledge_of_a_folder_and_of_a_small_one(small: Path) -> None:
    for folder in (None, FOREIGN, small):
        assert_equal(built(folder), kept(folder))


def test_a_report_is_the_same_byte_for_byte_in_every_format() -> None:
    one, other = built(), kept()
    path = ROOT / "facts" / "examples"
    first, second = (read_case_files([path], base.vocabulary, base.dictionary).cases for base in (one, other))
    for (case, _), (again, _) in zip(first, second, strict=True):
        reports = [[Assessor(base).assess(entry), base] for base, entry in ((one, case), (other, again))]
        for form in (*(FORMATS[name] for name in ("text", "markdown", "html", "json")), LEAFLETS["text"]):
            said = [form.render(assessment, base, full=form is FORMATS["text"]) for assessment, base in reports]
            assert said[0] == said[1]


def only_file(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


def with_right_sum(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """Return what alters the content of a file and its sum with it, as somebody would who knows the format."""

    def altered(written: bytes) -> bytes:
        header, _, body = written.partition(b"\n")
        mark, key, _ = json.loads(header)
        body = change(body.decode()).encode()
        return json.dumps([mark, key, sha256(body).hexdigest()]).encode() + b"\n" + body

    return altered


UNUSABLE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "of another program": lambda _: b"\x80\x04\x95 a pickle of something",
    "cut": lambda written: written[: len(written) // 2],
    "altered": lambda written: written.replace(b"cough is so", b"cough is no"),
    "of another key": lambda written: written.replace(json.loads(written.split(b"\n")[0])[1].encode(), b"0" * 64),
    "of another format": lambda written: written.replace(b"charley knowledge 1", b"charley knowledge 0"),
    "of a class that is not kept": with_right_sum(lambda body: body.replace('["Place"', '["Popen"')),
    "of a kind of column that there is not": with_right_sum(lambda body: body.replace('["one"', '["none"')),
    "of a number that stands for nothing": with_right_sum(lambda body: body.replace('["one",[', '["one",[1000000,')),
    "of nothing": with_right_sum(lambda _: "{}"),
    "of something else": with_right_sum(lambda _: json.dumps({"units": [], "knowledge": pack((1, 2))})),
    "deeply nested": with_right_sum(lambda _: "[" * 200_000),
}


@pytest.mark.parametrize("damage", UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_file_that_is_not_exactly_what_was_kept_is_not_used_and_written_anew(
    small: Path, cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    kept(small)
    path, whole = only_file(cache), only_file(cache).read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    assert KeptKnowledge(small, "").find() is None
    assert_equal(built(small), load_knowledge_base(small, to_assess=True))
    assert only_file(cache).read_bytes() == whole


def test_changed_knowledge_never_meets_what_was_kept_before(small: Path, cache: Path) -> None:
    before = kept(small)
    signs = small / "warning_signs.yaml"
    signs.write_text(signs.read_text().replace("onset in [sudden] or bad", "onset in [gradual] or bad"))
    after = load_knowledge_base(small, to_assess=True)
    assert after.hash != before.hash and after.rules["b"].condition != before.rules["b"].condition
    assert len(list(cache.iterdir())) == 1
    (small / "certificate.json").write_text("{}")
    assert KeptKnowledge(small, "").find() is None


def test_another_program_never_meets_what_was_kept_before(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(small)
    monkeypatch.setattr(sys, "version", sys.version + " of tomorrow")
    assert KeptKnowledge(small, "").find() is None


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_the_file_is_private_and_one_that_others_can_write_or_that_leads_elsewhere_is_not_used(
    small: Path, cache: Path, tmp_path: Path
) -> None:
    kept(small)
    path = only_file(cache)
    assert (path.stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o600, 0o700)
    for open_to_others in (path, cache):
        mode = open_to_others.stat().st_mode
        open_to_others.chmod(mode | 0o020)
        assert KeptKnowledge(small, "").find() is None
        open_to_others.chmod(mode)
        assert KeptKnowledge(small, "").find() is not None
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert KeptKnowledge(small, "").find() is None
    path.unlink()
    os.mkfifo(path)
    assert KeptKnowledge(small, "").find() is None


def test_knowledge_with_a_mistake_is_never_kept(small: Path, cache: Path) -> None:
    (small / "definitions.yaml").write_text("definitions: {bad: {label: bad, when: cogh, says: [a, b]}}")
    for _ in range(2):
        with pytest.raises(CharleyError, match="did you mean cough"):
            load_knowledge_base(small, to_assess=True)
    assert not cache.exists()


def test_where_nothing_can_be_kept_or_nobody_wants_it_everything_works_all_the_same(
    small: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_equal(built(small), load_knowledge_base(small))
    assert not cache.exists()
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    assert_equal(built(small), load_knowledge_base(small, to_assess=True))


def test_the_latest_twelve_are_kept(tmp_path: Path, cache: Path) -> None:
    folders = [write(tmp_path / str(number), {"x": yes_no(f"x{number}")}) for number in range(14)]
    for number, folder in enumerate(folders):
        load_knowledge_base(folder, to_assess=True)
        newest = max(cache.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (1_000_000_000 + number, 1_000_000_000 + number))
    assert len(list(cache.iterdir())) == 12
    assert KeptKnowledge(folders[0], "").find() is None and KeptKnowledge(folders[-1], "").find() is not None


def test_a_unit_that_cannot_be_converted_is_no_reason_not_to_load_and_keep_the_rest(tmp_path: Path) -> None:
    units = ["furlong)(", "mg/dL", "°", "1e999 g"]
    folder = write(tmp_path / "units", {"x": quantity("x", accepts=units)})
    assert_equal(built(folder), kept(folder))


def test_what_a_killed_process_left_is_removed_after_a_day(small: Path, cache: Path) -> None:
    cache.mkdir(mode=0o700, parents=True)
    old, new = cache / ".old.part", cache / ".new.part"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    kept(small)
    assert new.exists() and not old.exists()


def test_only_what_belongs_to_knowledge_can_be_packed() -> None:
    with pytest.raises(Unpackable, match="Path is not kept"):
        pack((Path("x"),))


def test_a_report_from_what_is_kept_reads_no_yaml_of_knowledge_and_loads_no_heavy_library(small: Path) -> None:
    case = small.parent / "case.yaml"
    case.write_text("case: one\nfindings:\n  potassium: 12 mg/dL\n  cough: yes\n")
    heavy = ("pydantic", "pint", "numpy", "polars", "z3", "weasyprint", "starlette", "rapidfuzz", "knowledge_base.schema")
    script = (
        "import sys; from expert.command_line import main\n"
        f"main(['report', '--full', {str(case)!r}, '--knowledge', {str(small)!r}], standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    said = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT) for _ in range(2)
    ]
    assert said[0].stdout == said[1].stdout and "3.069 mmol/L" in said[1].stdout
    assert "pydantic" in said[0].stderr and said[1].stderr.strip() == "[]"
