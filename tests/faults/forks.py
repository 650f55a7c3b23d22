"""The command line in forked processes, each within a fraction of a second, and with system calls that fail.

As a program it is the server: it has all modules, is loaded with the shim, and takes a request a line.
"""

import ctypes
import errno
import gc
import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
KINDS = ("open", "read", "write", "fsync", "rename", "close")  # in the shim's order
PATIENCE = 60.0  # seconds until a run counts as hanging: of processor time, or of waiting for nothing


@dataclass(frozen=True, slots=True)
class Fault:
    """The n-th call of a kind fails, on files that match a pattern."""

    below: str  # "site", which is read, or "out", which is written
    pattern: str  # of paths below that folder
    kind: str  # one of KINDS
    nth: int  # 0: none fails, all are counted
    error: str = "EIO"
    keeps_failing: bool = False  # all calls from the n-th on

    def __str__(self) -> str:
        """Return it in a few words."""
        till = "and all later ones" if self.keeps_failing else "alone"
        return f"{self.kind} {self.nth} of {self.below}/{self.pattern}, {till}: {self.error}"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a run."""

    code: int  # negative: the signal that ended it
    stderr: str
    failed: int = 0  # how many calls failed
    call: str = ""  # the first of them: function and path
    connections: int = 0  # to the internet
    programs: int = 0  # that were started
    reached: str = ""  # the last connection or program
    hangs: bool = False
    seconds: float = 0.0


def compiler() -> str | None:
    """Return a C compiler's name, if there is one."""
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def compile_shim(folder: Path) -> Path:
    """Compile the shim into a folder."""
    shim = folder / f"shim{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}"
    flags = ["-O2", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-o", str(shim), str(HERE / "shim.c"), "-ldl"]
    subprocess.run([str(compiler()), *flags], check=True, capture_output=True, text=True)
    return shim


class Forks:
    """A server of forked processes; leave it by `with`."""

    def __init__(self, folder: Path, shim: Path | None = None) -> None:
        """Start it.

        folder: takes what the processes print. shim: without it no call can fail, and none is counted.
        """
        self._errors, self._answers = folder / "stderr", folder / "answers"
        self._modules = folder / "modules"
        folder.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])
        }
        environment.pop("JUDGED", None)
        if shim is not None:
            environment["LD_PRELOAD"] = str(shim)
        self._server = subprocess.Popen(
            [sys.executable, __file__, *([shim] if shim else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        self._server.communicate()

    def run(
        self,
        *arguments: object,
        fault: Fault | None = None,
        home: Path | None = None,
        log: Path | None = None,
        real_model: bool = False,
        teach: bool = False,
        abrupt: bool = False,
    ) -> Done:
        """Run crackscan with arguments.

        fault: what fails, in the folders below `home`. log: a file that takes a line for each counted call.
        teach: what this run imports is imported for all later ones, which takes most of a small scan's time.
        abrupt: the process ends without Python's own end, which frees all memory and takes long.
        """
        answer = self._ask(
            arguments=[str(argument) for argument in arguments],
            fault=fault and asdict(fault) | {"below": str(home and home.resolve() / fault.below)},
            log=log and str(log),
            real_model=real_model,
            modules=str(self._modules) if teach else None,
            abrupt=abrupt,
        )
        return Done(stderr=self._errors.read_text(errors="replace"), **answer)

    def run_each(self, runs: list[list[str]], *, real_model: bool = False) -> list[Done]:
        """Run crackscan with each of several lists of arguments, in one process, which is quicker.

        One run that kills the process ends the list: the last item says how, and the others are not run.
        """
        answer = self._ask(runs=runs, answers=str(self._answers), real_model=real_model)
        done = [Done(**ended) for ended in map(json.loads, self._answers.read_text().splitlines())]
        if len(done) < len(runs):
            done.append(Done(stderr=self._errors.read_text(errors="replace"), **answer))
        return done

    def _ask(self, **request: object) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request | {"stderr": str(self._errors)}) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer


def _serve(shim: ctypes.CDLL | None) -> int | None:
    """Answer requests; in a forked process return its exit code."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        began = time.monotonic()
        if shim is not None:
            shim.shim_forget()
        pid = os.fork()
        if not pid:
            answers.close()
            return _run(request, shim)
        descriptor = os.pidfd_open(pid)
        hangs = False
        while not hangs and not select.select([descriptor], [], [], PATIENCE)[0]:
            hangs = _hangs(pid)
        if hangs:
            os.kill(pid, signal.SIGKILL)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "hangs": hangs,
            "seconds": time.monotonic() - began,
        }
        answer |= _reach(shim)
        if shim is not None and request.get("fault"):
            answer["failed"] = shim.shim_failed()
            shim.shim_disarm()
            answer["call"] = f"{shim.shim_function().decode()} {shim.shim_path().decode(errors='replace')}"
        if request.get("modules"):
            _learn(Path(request["modules"]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return None


def _hangs(pid: int) -> bool:
    """Say whether a process runs for ever or waits in vain; on a busy machine it may only wait its turn."""
    states, ticks = set(), 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            fields = (thread / "stat").read_text().rpartition(") ")[2].split()
            states.add(fields[0])
            ticks += int(fields[11]) + int(fields[12])  # in user and in kernel mode
    return ticks / os.sysconf("SC_CLK_TCK") > PATIENCE or states.isdisjoint({"R", "D"})


def _learn(modules: Path) -> None:
    """Import what a run has imported; then the memory of the server changes no more, and is shared."""
    for name in modules.read_text().splitlines():
        if name not in sys.modules:
            with suppress(ImportError):  # some are no modules of their own
                importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _run(request: dict[str, Any], shim: ctypes.CDLL | None) -> int:
    """Do what a request asks for in this process, and return its exit code."""
    errors = os.open(request["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDWR)
    for taken, descriptor in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(taken, descriptor)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115 - the server's has read ahead
    if "runs" in request:
        with Path(request["answers"]).open("w") as answers:
            for arguments in request["runs"]:
                os.ftruncate(errors, 0)
                code = _code(arguments, real_model=request["real_model"])
                said = Path(request["stderr"]).read_text(errors="replace")
                answers.write(json.dumps({"code": code, "stderr": said} | _reach(shim)) + "\n")
                answers.flush()
        return 0
    if request["fault"]:
        assert shim is not None
        _arm(shim, request["fault"], request["log"])
    code = _code(request["arguments"], real_model=request["real_model"])
    if request["modules"]:
        Path(request["modules"]).write_text("\n".join(sys.modules))
    if request["abrupt"]:
        sys.stderr.flush()
        os._exit(code)
    return code


def _reach(shim: ctypes.CDLL | None) -> dict[str, Any]:
    """Return what was reached outside of the process, and forget it."""
    if shim is None:
        return {}
    found = {
        "connections": shim.shim_connections(),
        "programs": shim.shim_programs(),
        "reached": shim.shim_reached().decode(errors="replace"),
    }
    shim.shim_forget()
    return found


def _arm(shim: ctypes.CDLL, fault: dict[str, Any], log: str | None) -> None:
    shim.shim_arm(
        fault["below"].encode(),
        fault["pattern"].encode(),
        KINDS.index(fault["kind"]),
        fault["nth"],
        fault["keeps_failing"],
        getattr(errno, fault["error"]),
        os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if log else 0,
    )


def _code(arguments: list[str], *, real_model: bool) -> int:
    """Run the command line, and return the exit code."""
    import stand_in

    from crackscan.cli import main

    sys.argv = ["crackscan", *arguments]
    try:
        if real_model:
            main()
        else:
            stand_in.run(*arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - Python itself would print it
        traceback.print_exc()
        return 1
    return 0


def _load() -> ctypes.CDLL | None:
    """Import what a scan needs, and open the shim that this process was started with."""
    from stand_in import SINKS

    for name in (
        "crackscan.scanning.run",
        "crackscan.scanning.journal_file",
        "crackscan.commands.console",
        *SINKS,
    ):
        importlib.import_module(name)
    if len(sys.argv) < 2:
        return None
    shim = ctypes.CDLL(sys.argv[1])
    for function in (shim.shim_function, shim.shim_path, shim.shim_reached):
        function.restype = ctypes.c_char_p
    return shim


if __name__ == "__main__":
    sys.exit(_serve(_load()))
