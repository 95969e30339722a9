"""The live table of tasks: it fits into every window, and lines that are printed stay."""

import re

import pytest

from seqgan_kit.tasks.task import State


def states(count):
    phases = ("done", "running", "waiting", "lost", "failed")
    return [
        State(
            f"a model with a long name, rate=5e-{n} ({n + 1} of {count})" if n % 2 else f"数{n}",
            phases[n % 5],
            0.5,
            f"数{n}: training" if n % 3 else "step 1,000\x1b[31m",
            n % 4,
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("columns", [20, 60, 100, 250])
@pytest.mark.parametrize("rows", [4, 15, 30])
@pytest.mark.parametrize("count", [1, 12, 200])
def test_the_table_fits_into_the_window(count, columns, rows):
    from rich.cells import cell_len
    from seqgen_cli.task_table import drawn

    lines = drawn(states(count), columns, rows)
    assert len(lines) < rows
    assert max(map(cell_len, lines)) < columns
    assert "\x1b" not in "".join(lines)
    hidden = count - (len(lines) - 1)
    if hidden:
        hidden += 1
        assert lines[-1].startswith(f"and {hidden} more: "[: columns - 1])
        # Those that are at work are shown first.
        assert "running" in lines[1] or columns == 20


def test_names_keep_both_ends_and_are_not_said_twice():
    from seqgen_cli.task_table import drawn

    text = "\n".join(drawn(states(4), 80, 24))
    assert re.search(
        r"^a model with a lon.*… ?.*\(2 of 4\)  running   50 %  lost 1 x, ", text, re.M
    )
    assert re.search(r"^数2 +waiting   50 %  lost 2 x, training$", text, re.M)


class Screen:
    """As much of a terminal as the table needs."""

    def __init__(self):
        self.lines, self.row = [""], 0

    def write(self, text):
        for code, count, letter, shown in re.findall(r"(\x1b\[(\d*)([A-Z]))|([^\x1b])", text):
            self._obey(letter, int(count or 1)) if code else self._show(shown)

    def _obey(self, letter, count):
        if letter == "A":
            self.row = max(self.row - count, 0)
        elif letter == "K":
            self.lines[self.row] = ""
        else:
            assert letter == "J"
            self.lines[self.row :] = [""]

    def _show(self, letter):
        if letter == "\n":
            self.row += 1
            self.lines += [""] * (self.row == len(self.lines))
        elif letter != "\r":
            self.lines[self.row] += letter

    def flush(self):
        pass


def test_lines_stay_and_the_table_goes(monkeypatch):
    from seqgen_cli import console, task_table

    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(console.click, "echo", lambda line, err: screen.write(f"{line}\n"))
    signals = console.StopSignals()
    table = task_table._Live(lambda: (80, 10), signals)
    monkeypatch.setattr(console.bottom, "clear", table.clear)
    console.say("before")
    table(states(3))
    table(states(2))
    assert screen.lines[:2] == ["before", "1 of 2 tasks are done"]
    assert len(screen.lines) == 5
    console.say("between")
    assert screen.lines == ["before", "between", ""]
    table(states(2))
    screen.write("\nsaving and stopping\n")
    signals.received = 2
    table(states(2))
    table([State("a", "done"), State("b", "failed")])
    console.say("after")
    assert screen.lines[:3] == ["before", "between", "1 of 2 tasks are done"]
    assert screen.lines[5:] == ["", "saving and stopping", "after", ""]
