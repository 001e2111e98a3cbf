"""`python -m expert` is `charley`."""

from expert.command_line import main

main(prog_name="charley")
