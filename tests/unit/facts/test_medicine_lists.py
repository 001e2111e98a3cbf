"""Lists of medicines, as people write them: what they say, and what they do not say."""

from typing import Any

import pytest

from facts.medicine_lists import ListError, read_medicines, read_stop, read_stopped_medicines, split_at_commas
from facts.medicines import Stopped, findings_of_current, findings_of_stopped
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


GROUPS = [
    # (what is written, what it shows, what it leaves unknown)
    ("a proton pump inhibitor", {"takes_proton_pump_inhibitor": True, "takes_statin": False}, []),
    ("a statin", {"takes_statin": True, "takes_fibrate": False}, ["takes_cyp3a4_statin"]),
    (
        "water tablet",
        {"takes_statin": False},
        ["takes_loop_diuretic", "takes_loop_or_thiazide_diuretic", "takes_other_diuretic"],
    ),
    (
        "blood pressure tablets",
        {"takes_opioid": False},
        ["takes_beta_blocker", "takes_ace_inhibitor", "takes_thiazide_diuretic"],
    ),
    ("SSRI", {"takes_serotonergic_drug": True, "takes_serotonin_reuptake_inhibitor": True}, []),
    ("an antidepressant", {"takes_statin": False}, ["takes_serotonergic_drug", "takes_restless_legs_drug"]),
    ("chemotherapy", {"takes_statin": False}, ["takes_neurotoxic_anticancer_drug", "takes_cramp_causing_anticancer_drug"]),
]


@pytest.mark.parametrize(("written", "shown", "unknown"), GROUPS)
def test_a_group_decides_what_all_of_it_have_and_leaves_unknown_what_some_have(
    written: str, shown: dict[str, bool], unknown: list[str], knowledge: KnowledgeBase
) -> None:
    dictionary = knowledge.dictionary
    derived = findings_of_current(dictionary, [dictionary.recognize(written)])
    assert {name: derived[name][0] for name in shown} == shown
    assert not set(unknown) & set(derived)


def test_a_medicine_that_is_named_beside_its_group_decides(knowledge: KnowledgeBase) -> None:
    dictionary = knowledge.dictionary
    derived = findings_of_current(dictionary, [dictionary.recognize(text) for text in ("water tablet", "furosemide")])
    assert derived["takes_loop_diuretic"] == (True, "furosemide")
    assert "takes_thiazide_diuretic" not in derived


def test_the_stop_of_a_group_leaves_open_what_some_of_it_decide(knowledge: KnowledgeBase) -> None:
    dictionary = knowledge.dictionary
    stop = Stopped("sleeping tablets", 3, 20)
    derived = findings_of_stopped(dictionary, [(stop, dictionary.recognize(stop.name))])
    assert "recently_stopped_sedative" not in derived
    assert derived["recently_stopped_baclofen"] == (False, "")


@pytest.mark.parametrize(("weeks", "answer"), [(0.5, False), (1, True), (None, None)])
def test_the_end_of_a_short_course_of_an_opioid_is_no_stop(
    weeks: float | None, answer: bool | None, knowledge: KnowledgeBase
) -> None:
    dictionary = knowledge.dictionary
    stop = Stopped("oxycodone", 3, weeks)
    derived = findings_of_stopped(dictionary, [(stop, dictionary.recognize(stop.name))])
    assert derived.get("recently_stopped_opioid", (None, ""))[0] is answer


def test_clarithromycin_raises_simvastatin_and_not_pravastatin_by_class(knowledge: KnowledgeBase) -> None:
    dictionary = knowledge.dictionary
    both = findings_of_current(dictionary, [dictionary.recognize(text) for text in ("Zocor 40 mg", "clarithromycin")])
    assert both["takes_cyp3a4_statin"][0] and both["takes_cyp3a4_inhibitor"][0]
    other = findings_of_current(dictionary, [dictionary.recognize(text) for text in ("pravastatin", "clarithromycin")])
    assert other["takes_statin"][0] and not other["takes_cyp3a4_statin"][0]


@pytest.mark.parametrize("when", ["on 2026-02-11", "11.02.2026", "2/11/26", "in 2025", "since 2025-11"])
def test_a_date_of_stopping_is_told_and_not_dropped(when: str) -> None:
    with pytest.raises(ListError) as error:
        read_stop(f"lorazepam 1 mg {when}")
    assert "cannot be read" in error.value.faults[0].message
    assert "NAME, 3 days ago" in error.value.faults[0].fix


@pytest.mark.parametrize(
    "written", ["furosemide?", "? furosemide 10 mg", "was on furosemide", "Furosemid abgesetzt", "furosemide nicht mehr"]
)
def test_what_leaves_open_whether_a_medicine_is_taken_is_told(written: str, knowledge: KnowledgeBase) -> None:
    found = knowledge.dictionary.recognize(written)
    assert found.medicines == ()
    assert "leaves open whether it is taken now" in found.doubt
    assert knowledge.dictionary.recognize("furosemide 10 mg").medicines == ("furosemide",)
