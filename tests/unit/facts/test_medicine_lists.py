"""Lists of medicines, as people write them: what they say, and what they do not say."""

from typing import Any

import pytest

from facts.medicine_lists import ListError, read_medicines, read_stop, read_stopped_medicines, split_at_commas
from facts.medicines import Stopped
from knowledge_base.model import KnowledgeBase

READ = [
    (None, None),
    ("", None),
    ("  ", None),
    ("unknown", None),
    ("none", []),
    (" None ", []),
    ([], []),
    ("HCTZ 25 mg; Ventolin;", ["HCTZ 25 mg", "Ventolin"]),
    (["HCTZ 25 mg", " Ventolin "], ["HCTZ 25 mg", "Ventolin"]),
]


@pytest.mark.parametrize(("written", "read"), READ)
def test_only_none_and_an_empty_list_say_that_nothing_is_taken(written: Any, read: list[str] | None) -> None:
    assert read_medicines(written) == read


@pytest.mark.parametrize("written", [";", " ; ;", [""], [None], ["HCTZ", ""], [["HCTZ"]], [3], 3, {"HCTZ": 1}, True])
def test_a_list_of_blanks_or_of_other_things_is_refused(written: Any) -> None:
    with pytest.raises(ListError):
        read_medicines(written)
    with pytest.raises(ListError):
        read_stopped_medicines(written)


STOPS = [
    ("zopiclone", Stopped("zopiclone")),
    ("diazepam, 4 days ago, after 30 weeks", Stopped("diazepam", 4, 30)),
    ("diazepam 5 mg 4 days ago after 30 weeks", Stopped("diazepam 5 mg", 4, 30)),
    ("diazepam, 2,5 days ago", Stopped("diazepam", 2.5)),
    ("diazepam, 2.5 days ago", Stopped("diazepam", 2.5)),
    ("diazepam, after 3 months, 2 weeks ago", Stopped("diazepam", 14, 13.04)),
    ("diazepam 5, 1 year ago", Stopped("diazepam 5", 365.25)),
]


@pytest.mark.parametrize(("text", "stop"), STOPS)
def test_the_times_of_a_stop_are_read_in_any_unit_and_order(text: str, stop: Stopped) -> None:
    assert read_stop(text) == stop
    assert read_stopped_medicines(f"{text}; baclofen") == [stop, Stopped("baclofen")]
    assert read_stopped_medicines([text]) == [stop]


UNREADABLE = [
    "diazepam 3-5 days ago",
    "diazepam 3 to 5 days ago",
    "diazepam, < 5 days ago",
    "diazepam, 2,500 days ago",
    "diazepam 10 4 days ago",
    "diazepam, 4 hours ago",
    "diazepam long ago",
    "diazepam 4 days",
    "4 days ago",
    "diazepam, 99999 days ago",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_time_that_is_not_one_number_is_refused_and_not_cut(text: str) -> None:
    with pytest.raises(ListError, match=r"cannot be read|names no medicine"):
        read_stop(text)


def test_mappings_say_their_times_or_are_refused_with_every_fault() -> None:
    assert read_stopped_medicines([{"name": "diazepam", "days_ago": "4", "after_weeks": 30.0}]) == [Stopped("diazepam", 4, 30)]
    assert read_stopped_medicines([{"name": "diazepam", "days_ago": None}]) == [Stopped("diazepam")]
    with pytest.raises(ListError) as error:
        read_stopped_medicines([{"name": "", "days_ago": "４", "after_weks": 1}, {"name": "x", "days_ago": float("nan")}, 5])
    assert [fault.path for fault in error.value.faults] == [
        (0, "after_weks"),
        (0, "name"),
        (0, "days_ago"),
        (1, "days_ago"),
        (2,),
    ]


def test_what_is_typed_on_one_line_is_split_at_its_commas_and_not_within_numbers() -> None:
    assert split_at_commas("diazepam, 2,5 days ago, after 30 weeks, zopiclone 2 weeks ago; baclofen,") == [
        "diazepam, 2,5 days ago, after 30 weeks",
        "zopiclone 2 weeks ago",
        "baclofen",
    ]


@pytest.mark.parametrize(
    "text", ["HCTZ d/c", "HCTZ D/C'd in May", "hctz dc'd", "HCTZ finished", "HCTZ w/o effect", "HCTZ disc."]
)
def test_a_medicine_that_is_said_to_have_ended_is_not_taken(text: str, knowledge: KnowledgeBase) -> None:
    recognition = knowledge.dictionary.recognize(text)
    assert recognition.medicines == () and "leaves open whether it is taken" in recognition.doubt


def test_a_slash_between_other_letters_changes_nothing(knowledge: KnowledgeBase) -> None:
    assert knowledge.dictionary.recognize("HCTZ 25 mg b/d").doubt == ""
