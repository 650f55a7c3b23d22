"""A table of what was injected how often, and what became of it; and a log, by which long runs go on."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

CONNECTION, PROGRAM = "connection", "program started"
COLUMNS = (
    "silent wrong answer",
    "lost row",
    "traceback",
    "other bytes after the next run",
    CONNECTION,
    PROGRAM,
)


class Tally:
    """How often each kind of fault was injected, how the runs ended, and what was wrong with that."""

    def __init__(self, log: Path | None = None) -> None:
        """Begin with what a log has; it takes a line for each fault, of which those that went well stay."""
        self.injected: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.wrong: Counter[tuple[str, str]] = Counter()
        self._tried: set[tuple[str, str]] = set()
        self._log: Path | None = None
        lines = log.read_text().splitlines() if log and log.exists() else []
        for entry in map(json.loads, lines):
            if not entry["wrong"]:
                self.add(**entry)
        self._log = log

    def has(self, kind: str, about: str) -> bool:
        """Say whether a fault was tried already."""
        return (kind, about) in self._tried

    def add(self, kind: str, outcome: str, wrong: Iterable[str], about: str) -> None:
        """Count a run, once for each kind and each text about the fault."""
        wrong = sorted(set(wrong))
        if self.has(kind, about):
            return
        self._tried.add((kind, about))
        self.injected[kind] += 1
        self.outcomes[kind, outcome] += 1
        for fault in wrong:
            self.wrong[kind, fault] += 1
        if self._log:
            entry = {"kind": kind, "outcome": outcome, "wrong": wrong, "about": about}
            with self._log.open("a") as log:
                log.write(json.dumps(entry) + "\n")

    def lines(self) -> list[str]:
        """Return the table."""
        others = sorted({fault for _, fault in self.wrong} - set(COLUMNS))
        outcomes = sorted({outcome for _, outcome in self.outcomes})
        columns = ["injected", *outcomes, *COLUMNS, *others]
        rows = [[kind, *self._cells(kind, outcomes, others)] for kind in sorted(self.injected)]
        total = [str(sum(int(row[at]) for row in rows)) for at in range(1, len(columns) + 1)]
        table = [["", *columns], *rows, ["total", *total]]
        widths = [max(len(row[at]) for row in table) for at in range(len(columns) + 1)]
        return [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table
        ]

    def _cells(self, kind: str, outcomes: list[str], others: list[str]) -> list[str]:
        ended = [self.outcomes[kind, outcome] for outcome in outcomes]
        wrong = [self.wrong[kind, fault] for fault in (*COLUMNS, *others)]
        return [str(number) for number in (self.injected[kind], *ended, *wrong)]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table at the end of the tests."""
        if self.injected:
            terminalreporter.section("faults injected")
            for line in self.lines():
                terminalreporter.write_line(line)


def tally_of(config: pytest.Config) -> Tally:
    """Return what counts the faults of this run of pytest: a plugin, so that it can print at the end."""
    tally = config.pluginmanager.get_plugin("faults")
    if tally is None:
        log = config.getoption("--fault-log")
        tally = Tally(log and Path(log))
        config.pluginmanager.register(tally, "faults")
    assert isinstance(tally, Tally)
    return tally
