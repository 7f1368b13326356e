"""Processes that are there to be killed: forked from one that has loaded torch, which takes seconds."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# For each line it forks a process that does the work, and tells its number, and then how it ended.
_SCRIPT = """
import importlib, os, sys
import torch._dynamo  # As an optimizer does when it is made.
work = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
for words in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        work(*words.split())
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


class Forks:
    """Forked one after the other; each has to end, or to be killed, before the next one."""

    def __init__(self, parent: subprocess.Popen[bytes]) -> None:
        self.parent = parent
        self.child = 0

    def start(self, *words: str | Path) -> None:
        assert self.parent.stdin is not None
        self.parent.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self.child = self._told()

    def wait(self, until: Callable[[], bool]) -> None:
        """Until something is so, or the process has ended by itself."""
        while not until() and not select.select([self.parent.stdout], [], [], 0.005)[0]:
            pass

    def kill(self) -> int:
        """Send SIGKILL; gives the exit code, which is that of the work where it was done before."""
        with suppress(ProcessLookupError):
            os.kill(self.child, signal.SIGKILL)
        return self._told()

    def killed_until_done(self, folder: Path, moments: random.Random, longest: float) -> int:
        """Start the work in a folder until it ends, with kills soon after it has saved something; gives how many."""
        kills = 0
        while True:
            before = set(folder.rglob("checkpoint-*"))
            self.start(folder)
            if moments.random() < 0.8:  # Else it may be killed before its first step.
                self.wait(lambda before=before: set(folder.rglob("checkpoint-*")) != before)
            time.sleep(moments.uniform(0, longest))
            if self.kill() == 0:
                return kills
            kills += 1

    def _told(self) -> int:
        assert self.parent.stdout is not None
        return int(self.parent.stdout.readline())


@contextmanager
def forks(module: str, work: str) -> Iterator[Forks]:
    """Those that call the function `work` of a module of the tests, with the words that they are started with."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    command = [sys.executable, "-c", _SCRIPT, module, work]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, env=environment
    ) as parent:
        try:
            yield Forks(parent)
        finally:
            assert parent.stdin is not None
            parent.stdin.close()
            parent.kill()
