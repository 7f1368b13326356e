"""How long a cold `archdsl check` takes, beside the start of Python, of lark and of torch, in one run.

    python benchmarks/check_speed.py [--repeats 5]

Every row is a fresh process. The time is the best of the repeats; the ratio is that to `import torch` in the same
run, which is what a shape check in torch would cost before its first line. Memory is the largest resident size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
SIZES = (100, 1_000, 10_000, 100_000)


def generated(layers: int) -> str:
    """A flat network of so many layers, a line for each two, no two neighbouring lines alike."""
    lines = ["input(3, 32, 32)"]
    lines += [f"conv({16 + line % 48},{1 + 2 * (line % 3)},p{line % 3}) relu" for line in range(layers // 2)]
    return "\n".join(lines) + "\n"


def measure(command: list[str], repeats: int) -> tuple[float, float]:
    """The best wall time in seconds, and the largest resident size in MB, of a command that must not fail."""
    best = float("inf")
    peak = 0.0
    for _ in range(repeats):
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
        best = min(best, time.perf_counter() - started)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command} exited with {process.returncode}")
        peak = max(peak, usage.ru_maxrss / 1024)
    return best, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each command; the best counts (default 5)")
    repeats = parser.parse_args().repeats
    python = sys.executable
    archdsl = str(Path(python).with_name("archdsl"))
    commands: list[tuple[str, list[str]]] = [
        ("python -c pass", [python, "-c", "pass"]),
        ("import lark", [python, "-c", "import lark"]),
        ("import typer", [python, "-c", "import typer"]),
        ("import torch", [python, "-c", "import torch"]),
        ("archdsl --help", [archdsl, "--help"]),
    ]
    commands += [
        (f"archdsl check {path.name}", [archdsl, "check", str(path)])
        for path in sorted((ROOT / "specs").glob("*.arch"))
    ]
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            path = Path(folder) / f"{size}.arch"
            path.write_text(generated(size), encoding="utf-8")
            commands.append((f"archdsl check, {size:,} layers", [archdsl, "check", "--quiet", str(path)]))
        results = [(name, *measure(command, repeats)) for name, command in commands]
    torch_time = next(seconds for name, seconds, _ in results if name == "import torch")
    table = Table("what", "seconds", "of import torch", "MB")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, seconds, peak in results:
        table.add_row(name, f"{seconds:.3f}", f"1/{torch_time / seconds:.1f}", f"{peak:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
