"""Progress is a moving bar in a terminal and plain lines in a file."""

import io

from runner.progress import Progress, bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_fills():
    assert bar(0, 10, 10) == "[----------]"
    assert bar(5, 10, 10) == "[#####-----]"
    assert bar(12, 10, 10) == "[##########]"
    assert bar(0, 0, 4) == "[----]"


def test_a_terminal_gets_one_line_that_is_rewritten_whole():
    out = Terminal()
    progress = Progress(out, pictures=2, steps=4)
    progress.step("a long title of a picture", 2, 4)
    progress.picture("a")
    progress.step("b", 4, 4)
    progress.picture("b")
    shown = out.getvalue().split("\r")[1:]
    assert "step 2 of 4" in shown[0] and shown[0].count("#") == 7
    assert len(shown[1]) >= len(shown[0]), "the rest of a longer line stays visible"
    assert out.getvalue().count("\n") == 1 and "2/2" in shown[-1]


def test_a_file_gets_a_line_for_each_picture():
    out = io.StringIO()
    progress = Progress(out, pictures=2, steps=4)
    progress.step("a", 1, 4)
    progress.picture("a")
    progress.picture("b")
    assert [line.split("] ")[1] for line in out.getvalue().splitlines()] == ["1/2 a", "2/2 b"]
