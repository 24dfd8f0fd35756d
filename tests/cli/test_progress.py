import io

from rich.console import Console

from cli.progress import PlainLines, show_progress
from cli.session import Session
from flows.progress import Progress, _listener


def test_plain_lines_come_at_the_start_at_the_end_and_every_few_seconds():
    lines: list[str] = []
    times = iter([0.0, 1.0, 6.0, 7.0])
    listener = PlainLines(lines.append, clock=lambda: next(times))
    for done in (0, 10, 60, 100):
        listener(Progress("render", done, 100))
    assert lines == ["render: 0 of 100", "render: 60 of 100", "render: 100 of 100"]


def test_terminals_get_a_bar_for_each_stage():
    session = Session()
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    session.__dict__["notes"] = screen
    with show_progress(session):
        tell = _listener.get()
        tell(Progress("render", 3, 4))
        tell(Progress("label", 1, 9))
    shown = screen.file.getvalue()
    assert "render" in shown
    assert "3/4" in shown
    assert "1/9" in shown


def test_nobody_listens_after_the_block():
    with show_progress(Session()):
        assert _listener.get() is not None
    assert _listener.get() is None
