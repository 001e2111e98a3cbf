"""Bad input: each mistake is told with its place and its fix, and good cases beside it are assessed."""

import errno
import json
import os
from pathlib import Path

import pytest

from expert.disk_errors import advise
from tests.functional.charley import Outcome, charley

GOOD = "case: good\nfindings: {muscle_twitching: yes}\n"

# What is wrong, as a YAML case beside a good one, and what must be said of it: its line and column, the finding, the fix.
WRONG_CASES = {
    "unknown finding": ("case: bad\nfindings:\n  serum_potasium: 3.1\n", [":6:3:", "'bad'", "did you mean serum_potassium?"]),
    "wrong type": ("case: bad\nfindings:\n  vomiting: 3\n", [":6:13:", "vomiting", "expected yes or no"]),
    "not a number": ("case: bad\nfindings:\n  age: old\n", [":6:8:", "'old'", "a number in years"]),
    "decimal comma": ("case: bad\nfindings:\n  serum_potassium: '3,1'\n", ["decimal point"]),
    "not a choice": ("case: bad\nfindings:\n  weakness_onset: suden\n", [":6:", "did you mean sudden?"]),
    "unit": ("case: bad\nfindings:\n  serum_potassium: 3.1 apples\n", [":6:", "'apples'", "mmol/L"]),
    "unit of something else": ("case: bad\nfindings:\n  serum_potassium: 3.1 years\n", ["'years'", "mmol/L"]),
    "implausible": (
        "case: bad\nfindings:\n  serum_potassium: 310\n",
        [":6:", "plausible range", "check the figure and its unit"],
    ),
    "not finite": ("case: bad\nfindings:\n  serum_potassium: 1e999\n", ["plausible range"]),
    "same name twice": ("case: good\nfindings: {age: 3}\n", [":4:", "stands twice in this file", "first at", ":1"]),
    "duplicate key": ("case: bad\nfindings:\n  age: 3\n  age: 4\n", [":7:3:", "'age' stands twice (first on line 6)"]),
    "contradiction": (
        "case: bad\nfindings:\n  sensory_loss: no\n  sensory_loss_onset: sudden\n",
        [":7:23:", "contradict", "sensory_loss is no (", ":6:17), but sensory_loss_onset is sudden (", ":7:23)"],
    ),
    "knowledge says impossible": ("case: bad\nfindings: {pregnant: yes, sex: male}\n", ["pregnant is yes, but sex is male"]),
    "list against answer": (
        "case: bad\nfindings: {takes_statin: yes}\nmedicines: [Ventolin]\n",
        ["takes_statin is answered yes", "medicine list"],
    ),
    "broken YAML": ("case: bad\nfindings: {age: 3\n", [":6:", "this is not YAML"]),
    "tab": ("case: bad\nfindings:\n\tage: 3\n", [":6:", "not YAML"]),
    "anchors": ("case: bad\nfindings: &a {age: 3}\n", [":5:", "anchors and aliases"]),
    "tag": ("case: !!python/object/apply:os.system ['true']\n", [":4:", "tag"]),
    "nested too deep": ("case: bad\nfindings: " + "[" * 60 + "]" * 60 + "\n", ["levels deep"]),
    "no name": ("findings: {age: 3}\n", ["case: found nothing"]),
    "unknown key": ("case: bad\nfinding: {age: 3}\n", [":5:1:", "did you mean findings?"]),
    "findings is a list": ("case: bad\nfindings: [age]\n", [":5:", "expected a mapping"]),
    "medicines is a mapping": ("case: bad\nmedicines: {a: b}\n", ["expected a list of medicines"]),
    "stopped without sense": (
        "case: bad\nstopped_medicines: [{name: diazepam, days_ago: soon}]\n",
        ["days_ago", "expected a number"],
    ),
    "a case is a word": ("hello\n", ["expected a case"]),
    "not UTF-8": ("case: bad\nnote: caf\udce9\n", [":5", "not UTF-8"]),
    "control character": ("case: bad\nnote: a\x01b\n", ["not YAML"]),
}


def report(path: Path, *words: object) -> Outcome:
    return charley("report", path, "--format", "json", *words)


@pytest.mark.parametrize(("bad", "told"), WRONG_CASES.values(), ids=list(WRONG_CASES))
def test_a_wrong_case_is_refused_with_place_and_mend_and_the_good_ones_are_assessed(
    tmp_path: Path, bad: str, told: list[str]
) -> None:
    path = tmp_path / "cases.yaml"
    path.write_bytes(f"{GOOD}---\n{bad}---\ncase: last\n".encode("utf-8", "surrogateescape"))
    # The line numbers above count from the good case's first line.
    outcome = report(path)
    assert outcome.status == 2
    assert str(path) in outcome.err
    for text in told:
        assert text in outcome.err
    data = json.loads(outcome.out)
    assert [entry["case"] for entry in data if "urgency" in entry] == ["good", "last"]
    assert len([entry for entry in data if "refused" in entry]) == 1
    assert "2 assessed, 1 refused" in outcome.err


def test_every_mistake_of_a_case_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("case: bad\nfindings: {vomitting: yes, age: 999, sex: x}\nmedcines: []\n", encoding="utf-8")
    err = report(path).err
    assert all(word in err for word in ("vomitting", "999", "sex", "medcines"))


def test_one_broken_item_of_a_yaml_list_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("- case: a\n- case: b\n  findings: {age: 3\n- case: c\n", encoding="utf-8")
    outcome = report(path)
    assert [entry["case"] for entry in json.loads(outcome.out) if "urgency" in entry] == ["a", "c"]
    assert ":3:" in outcome.err or ":4:" in outcome.err


def test_one_broken_line_of_json_lines_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(
        b'{"case": "a"}\n{"case": \n\n{"case": "\xff"}\n{"case": "d", "case": "e"}\n[1]\n{"case": "f"} x\n{"case": "g"}\n'
    )
    outcome = report(path)
    assert [entry["case"] for entry in json.loads(outcome.out) if "urgency" in entry] == ["a", "g"]
    for told in (":2:", ":4: this is not UTF-8", ":5: case 'e': the key 'case' stands twice", ":6:", ":7:15: there is more"):
        assert told in outcome.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[{"case": "a"}, {"case": }]', "not JSON"),
        ('[{"case": "a"} {"case": "b"}]', "a comma or ] is missing"),
        ('[{"case": "a"}] and more', "more after the end"),
        ('[{"case": "a"}, ' + "[" * 100_000, "nested too deep"),
        ('[{"case": "a"}, {"case": "b", "findings": {"age": NaN}}]', "'NaN'"),
        ('[{"case": "a"}, {"case": "b", "findings": {"age": 1' + "0" * 5000 + "}}]", "age"),
        ('[{"case": "a"}, {"case": "\\ud800"}]', "not UTF-8"),
        ('[{"case": "a"}, {"case": "b", "findings": {"age": 3, "age": 4}}]', "'age' stands twice"),
        ('[{"case": "a"}, {"case": "b", "findings": {"vomiting": 1}}]', "expected yes or no"),
    ],
)
def test_json_that_breaks_keeps_what_came_before(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content, encoding="utf-8")
    outcome = report(path)
    assert outcome.status == 2
    assert told in outcome.err
    assert json.loads(outcome.out)[0]["case"] == "a"


@pytest.mark.parametrize("ending", ["yaml", "json", "jsonl"])
@pytest.mark.parametrize(("content", "told"), [(b"", "empty"), (b" \n\n", "empty"), (b"\xef\xbb\xbf", "empty")])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, ending: str, content: bytes, told: str) -> None:
    path = tmp_path / f"cases.{ending}"
    path.write_bytes(content)
    outcome = report(path)
    assert (outcome.status, told in outcome.err) == (2, True)


def test_a_missing_file_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(GOOD, encoding="utf-8")
    outcome = report(tmp_path / "missing.yaml", good)
    assert outcome.status == 2
    assert "missing.yaml: cannot be read: No such file" in outcome.err
    assert json.loads(outcome.out)[0]["case"] == "good"


@pytest.mark.parametrize("ending", ["yaml", "json", "jsonl"])
def test_two_hundred_megabytes_of_garbage_are_refused_soon(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"garbage.{ending}"
    block = os.urandom(1 << 20)
    with path.open("wb") as stream:
        for _ in range(200):
            stream.write(block)
    good = tmp_path / "good.yaml"
    good.write_text(GOOD, encoding="utf-8")
    outcome = charley("report", path, good)
    assert outcome.status == 2
    assert "garbage" in outcome.err
    assert len(outcome.err) < 200_000
    assert "good" in outcome.out


def test_anchors_that_explode_are_refused_before_they_grow(tmp_path: Path) -> None:
    path = tmp_path / "laughs.yaml"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert "anchors and aliases" in report(path).err


def test_a_case_cannot_forge_lines_drive_the_terminal_or_leave_its_cell(tmp_path: Path) -> None:
    hostile = "x\nURGENCY: ROUTINE\x1b[2J\u202e<script>alert(1)</script> [a](javascript:b) `c` | *d* \\"
    path = tmp_path / "case.json"
    path.write_text(json.dumps({"case": hostile, "medicines": [hostile, f"losartan {hostile}"]}), encoding="utf-8")
    for form in ("text", "markdown", "html"):
        outcome = charley("report", path, "--format", form)
        assert outcome.status == 0
        both = outcome.out + outcome.err
        assert "\x1b" not in both
        assert "\u202e" not in both
        assert "\nURGENCY: ROUTINE\x1b" not in both
        assert "\nURGENCY: ROUTINE " not in both.replace("\nURGENCY: ROUTINE. See a physician", "")
        if form == "html":
            assert "<script" not in both
            assert "&lt;script&gt;" in both
        if form == "markdown":
            assert "<script" not in both.replace("\\<script", "")
            assert "[a](" not in both
    assert json.loads(report(path).out)["case"] == hostile


def test_a_hostile_case_name_in_a_refusal_is_shown_harmlessly(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps({"case": "x\x1b[2J\ny", "findings": {"\x1b[31mage": 1}}), encoding="utf-8")
    outcome = report(path)
    assert outcome.status == 2
    assert "\x1b" not in outcome.err


def test_a_medicine_that_is_not_known_is_listed_with_a_suggestion_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("case: a\nmedicines: [atorvastain 20 mg, no losartan, losartan foobarium]\n", encoding="utf-8")
    data = json.loads(report(path).out)
    reasons = {entry["text"]: entry["reason"] for entry in data["unrecognized"]}
    assert "did you mean atorvastatin?" in reasons["atorvastain 20 mg"]
    assert "leaves open" in reasons["no losartan"]
    assert "'foobarium'" in reasons["losartan foobarium"]
    known = {finding["id"]: finding["value"] for finding in data["findings"]}
    assert known == {"takes_angiotensin_receptor_blocker": True}


def test_a_wrong_option_or_no_file_is_explained(tmp_path: Path) -> None:
    assert "Missing argument 'FILE...'" in charley("report").err
    assert "no such knowledge folder" in charley("report", tmp_path, "--knowledge", tmp_path / "none").err


@pytest.mark.parametrize(
    "words",
    [
        ("report", ""),
        ("report", "x.yaml", "--output", ""),
        ("evaluate", "", "--output", "out"),
        ("evaluate", "x.csv", "--output", ""),
        ("explain", "", "case"),
        ("sessions", "list", "--store", ""),
        ("knowledge", "check", "--knowledge", ""),
        ("backup", ""),
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_this_folder(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD, encoding="utf-8")
    outcome = charley(*words, cwd=tmp_path)
    assert outcome.status == 2 and outcome.out == "" and "an empty text names no file" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


@pytest.mark.parametrize("ending", ["json", "jsonl"])
@pytest.mark.parametrize("levels", [45, 300, 990, 1_900, 40_000])
def test_json_that_is_nested_too_deep_is_refused_whatever_the_parser_takes(levels: int, ending: str, tmp_path: Path) -> None:
    deep = '{"case": "deep", "findings": {"age": ' + "[" * levels + "]" * levels + "}}"
    good = '{"case": "good", "findings": {"muscle_twitching": "yes"}}'
    text = f"{good}\n{deep}\n" if ending == "jsonl" else f"[{good}, {deep}]"
    (tmp_path / f"a.{ending}").write_text(text, encoding="utf-8")
    outcome = charley("report", tmp_path / f"a.{ending}", "--format", "json")
    assert outcome.status == 2 and "nested" in outcome.err and "1 assessed, 1 refused" in outcome.err


def test_a_record_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    deep = '{"url": "x", "extension": [' * 700 + "]}" * 700
    text = '{"resourceType": "Patient", "id": "p", "extension": [' + deep + "]}"
    (tmp_path / "deep.json").write_text(text, encoding="utf-8")
    outcome = charley("report", tmp_path / "deep.json")
    assert outcome.status == 2 and "nested too deep to be a resource" in outcome.err


def test_an_exported_consultation_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text('{"events": ' + "[" * 600 + "]" * 600 + "}", encoding="utf-8")
    outcome = charley("sessions", "import", tmp_path / "deep.json", "--store", tmp_path / "store")
    assert outcome.status == 1 and "not JSON" in outcome.err


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "permissions"),
        (errno.EPERM, "permissions"),
        (errno.ENOSPC, "make room"),
        (errno.ENOENT, "check the path"),
        (errno.EROFS, "another place"),
        (errno.EADDRINUSE, "another port"),
    ],
)
def test_the_advice_fits_the_error(number: int, advice: str) -> None:
    assert advice in advise(OSError(number, os.strerror(number)))
    assert ("room" in advise(OSError(number, ""))) == (number == errno.ENOSPC)


def test_a_file_in_the_way_is_not_told_as_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    outcome = charley("report", tmp_path / "x.yaml", "--output", tmp_path / "file" / "below")
    assert outcome.status == 1 and "check the path" in outcome.err and "space" not in outcome.err
