"""The order of causes as one number: standing, weight and id, however many arguments a knowledge base declares."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.grading import Grading, Tally, parse_grade
from knowledge_base.ranking import Ranking, rank_causes

GRADING = Grading(
    {name: name for name in ("proved", "good", "none")},
    (("proved", parse_grade("confirms >= 1")), ("good", parse_grade("supports_strong >= 1"))),
    "none",
    "good",
    "good",
)


def tallies(most: Tally) -> st.SearchStrategy[Tally]:
    return st.builds(Tally, *(st.integers(0, count) for count in most))


def listed_by(cause: str, fired: Tally) -> tuple[int, int, int, int, str]:
    """Return what the words say: standing, then deciding, strong and weak arguments, then the id."""
    return (
        list(GRADING.standings).index(GRADING.standing(fired)),
        fired.excludes - fired.confirms,
        fired.opposes_strong - fired.supports_strong,
        fired.opposes_weak - fired.supports_weak,
        cause,
    )


@given(st.data())
def test_places_are_in_the_order_of_standing_weight_and_id_however_many_arguments_there_are(data: st.DataObject) -> None:
    most = Tally(*data.draw(st.lists(st.integers(0, 400), min_size=6, max_size=6)))
    ranking = rank_causes(GRADING, {"b": most, "a": Tally(1), "c": Tally()})
    entries = [(cause, data.draw(tallies(ranking.most))) for cause in ("a", "b", "c", "b")]
    for (one, first), (other, second) in product(entries, entries):
        places = place(ranking, one, first), place(ranking, other, second)
        assert (places[0] < places[1]) is (listed_by(one, first) < listed_by(other, second))
    for cause, fired in entries:
        found = place(ranking, cause, fired)
        assert ranking.causes[ranking.cause_at(found)] == cause
        assert (found < ranking.end("good")) is GRADING.at_least(GRADING.standing(fired), "good")


@given(st.data())
def test_no_completion_leaves_the_best_and_the_worst_place(data: st.DataObject) -> None:
    most = Tally(3, 3, 3, 3, 3, 3)
    ranking = rank_causes(GRADING, {"a": most, "b": most})
    fired = data.draw(tallies(most))
    open_ = data.draw(tallies(Tally(*(3 - count for count in fired))))
    more = data.draw(tallies(open_))
    then = Tally(*(a + b for a, b in zip(fired, more, strict=True)))
    assert ranking.best("a", fired, open_) <= place(ranking, "a", then) <= ranking.worst("a", fired, open_)


def test_the_leader_is_the_first_cause_that_is_at_least_likely() -> None:
    ranking = rank_causes(GRADING, {"a": Tally(1, 2), "b": Tally(1, 2)})
    good, proved = place(ranking, "a", Tally(0, 2)), place(ranking, "b", Tally(1))
    assert ranking.leader([good, proved]) == "b"
    assert ranking.leader([good]) == "a"
    assert ranking.leader([place(ranking, "a", Tally())]) is None
    assert ranking.leader([]) is None
    assert rank_causes(GRADING, {}).leader([]) is None


def place(ranking: Ranking, cause: str, fired: Tally) -> int:
    return ranking.place(cause, GRADING.standing(fired), fired)
