"""`charley findings`: what it lists, what a search shows, and how it says that there is nothing."""

from click.testing import CliRunner, Result

from expert.command_line import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["findings", *arguments])


def test_a_search_says_what_a_case_file_writes() -> None:
    result = run("water", "pill")
    assert result.exit_code == 0
    assert result.output.startswith("takes_loop_or_thiazide_diuretic: yes or no – ")


def test_a_quantity_shows_its_unit_and_a_choice_its_choices() -> None:
    assert run("K").output == "serum_potassium: number, mmol/L – the serum potassium  [k]\n"
    assert run("sex").output.startswith("sex: female or male or other – ")


def test_without_a_search_every_finding_is_listed() -> None:
    listed = run().output
    assert "\n  vomiting: yes or no" in listed and "\n  serum_potassium: number" in listed


def test_what_is_not_found_is_said_in_one_line_without_control_characters() -> None:
    result = run("qwerty\x1b[31m")
    assert result.exit_code == 2
    assert "\x1b" not in result.output and "Traceback" not in result.output
