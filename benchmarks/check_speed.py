"""How long a cold `archdsl check` takes, beside other tools that tell the shapes of the same network, in one run.

    python benchmarks/check_speed.py [--repeats 7] [--only googlenet 10000]

Every run is a fresh process, and the runs of all tools take turns, so that what else the machine does falls on all of
them. The time of a row is the median of its runs by the clock, with the least processor time beside it; its ratio is
to archdsl's median of the same network. Memory is the largest resident size. Before the runs that count, each tool is
run once: for its caches and bytecode, and to see that it gives the shape that archdsl gives. `README.md` beside this
file says what each tool does, and what was measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from measuring import processor, version_of
from peers import PEERS, Peer, with_batch
from rich.console import Console
from rich.table import Table

import archdsl

ROOT = Path(__file__).parent.parent
SIZES = (100, 1_000, 10_000, 100_000)
LONG = 5.0
"""A command that takes so many seconds is run three times and no more."""

WRONG = ("conv(192, 3, p1) relu\n  pool(3, 2, p1)", "conv(192, 3, p1, g5) relu\n  pool(3, 2, p1)")
"""A mistake in GoogLeNet: five groups do not divide its 64 channels."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""With it, Python would compile archdsl at each start, where installed packages are compiled."""


class Row(NamedTuple):
    """A command to be measured. `group` is the network; ratios are to the first row of it."""

    group: str
    tool: str
    does: str
    command: list[str]
    exits: int = 0
    says: str = ""


class Run(NamedTuple):
    wall: float
    cpu: float
    megabytes: float


def generated(layers: int) -> str:
    """A flat network of so many layers, a line for each two, no two neighbouring lines alike."""
    lines = ["input(3, 32, 32)"]
    lines += [f"conv({16 + line % 48},{1 + 2 * (line % 3)},p{line % 3}) relu" for line in range(layers // 2)]
    return "\n".join(lines) + "\n"


LAUNCHER = """
import os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - started
print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
"""Starts a command and measures it. A small process does that, for Linux counts the memory of who starts a process."""


def run(row: Row) -> Run:
    """Run a command to its end, its output thrown away."""
    command = [sys.executable, "-S", "-c", LAUNCHER, *row.command]
    result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    code, wall, cpu, megabytes = map(float, result.stdout.split())
    if code != row.exits:
        raise SystemExit(f"{row.tool}, {row.group}: exited with {code:.0f}")
    return Run(wall, cpu, megabytes)


def verify(row: Row) -> None:
    """Run a command once and see that it exits and says what it should."""
    result = subprocess.run(row.command, capture_output=True, text=True, env=ENVIRONMENT)
    output = result.stdout + result.stderr
    if result.returncode != row.exits or row.says not in output:
        raise SystemExit(
            f"{row.tool}, {row.group}: exit {result.returncode}, wanted {row.says!r} in:\n{output[-2000:]}"
        )


def rows_of(group: str, path: Path, layers: int, folder: Path, peers: list[Peer]) -> list[Row]:
    """The commands for one network: archdsl's own, and those of the peers on what is written for them."""
    network = archdsl.load(path)
    entering, output = with_batch(network.input), with_batch(network.output)
    check = [str(Path(sys.executable).with_name("archdsl")), "check", str(path)]
    quiet = ["--quiet"] if path.parent == folder else []
    rows = [Row(group, "archdsl", "parses, infers shapes and costs", [*check, *quiet], says=f"gives {network.output}")]
    if path.name == "googlenet.arch":
        text = path.read_text(encoding="utf-8")
        wrong = folder / "wrong.arch"
        wrong.write_text(text.replace(*WRONG), encoding="utf-8")
        command = [*check[:-1], str(wrong)]
        rows.append(Row(group, "archdsl", "the same with a mistake in it", command, 1, "groups-do-not-divide"))
    for peer in peers:
        if layers > peer.largest:
            continue
        text = peer.write(network)
        place = folder / peer.name.replace(", ", "-") / f"{path.stem}{peer.suffix}"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
        says = "0 errors" if peer.name == "Pyrefly" else str(output)
        row = Row(group, peer.name, peer.does, peer.command(place, entering), says=says)
        if peer.name == "Pyrefly" and layers <= 10_000:
            # Its file asserts the shape that comes out; with another one asserted there must be an error.
            (place.parent / "pyrefly.toml").touch()
            wrong = place.with_name(f"wrong-{place.name}")
            asserted = f"({', '.join(map(str, output))})"
            wrong.write_text(text.replace(f"{asserted})", f"{asserted[:-1]}1))"), encoding="utf-8")
            verify(row._replace(command=peer.command(wrong, entering), exits=1, says="1 error"))
        rows.append(row)
    return rows


def measured(rows: list[Row], repeats: int) -> dict[int, list[Run]]:
    """The runs of every row, by its index; the rows take turns."""
    runs: dict[int, list[Run]] = {index: [] for index in range(len(rows))}
    for turn in range(repeats):
        for index, row in enumerate(rows):
            if turn < 3 or runs[index][0].wall < LONG:
                runs[index].append(run(row))
        print(f"turn {turn + 1} of {repeats}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return runs


def table_of(rows: list[Row], runs: dict[int, list[Run]]) -> Table:
    table = Table("network", "tool", "what it does", "median s", "times archdsl", "least CPU s", "MB", box=None)
    for column in table.columns[3:]:
        column.justify = "right"
    first: dict[str, float] = {}
    for index, row in enumerate(rows):
        wall = statistics.median(each.wall for each in runs[index])
        if row.group not in first and index:
            table.add_row()
        shown = "" if row.group in first else row.group
        ratio = wall / first.setdefault(row.group, wall)
        cpu = min(each.cpu for each in runs[index])
        peak = max(each.megabytes for each in runs[index])
        table.add_row(shown, row.tool, row.does, f"{wall:.3f}", f"{ratio:.2f}", f"{cpu:.3f}", f"{peak:.0f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="runs of each command (default 7)")
    parser.add_argument("--only", nargs="*", help="of alexnet, googlenet, 100, 1000, 10000 and 100000, these")
    options = parser.parse_args()
    console = Console(width=140, highlight=False)
    peers: list[Peer] = []
    for peer in PEERS:
        missing = [name for name in peer.needs if version_of(name) is None]
        if missing:
            console.print(f"{peer.name} is left out: {', '.join(missing)} not installed (see benchmarks/README.md)")
        else:
            peers.append(peer)
    versions = [f"{name} {version_of(name)}" for name in dict.fromkeys(name for peer in peers for name in peer.needs)]
    console.print(f"Python {platform.python_version()}, {', '.join(versions)}")
    console.print(f"{processor()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")

    start = [sys.executable, "-c"]
    rows = [
        Row("nothing", "Python", "starts", [*start, "pass"]),
        Row("nothing", "PyTorch", "import torch", [*start, "import torch"]),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        networks = {stem: (ROOT / "specs" / f"{stem}.arch", 0) for stem in ("alexnet", "googlenet")}
        networks |= {str(size): (folder / f"{size}.arch", size) for size in SIZES}
        for stem, (path, layers) in networks.items():
            if options.only and stem not in options.only:
                continue
            if layers:
                path.write_text(generated(layers), encoding="utf-8")
            rows += rows_of(f"{layers:,} layers" if layers else stem, path, layers, folder, peers)
        for row in rows:
            verify(row)
        console.print(table_of(rows, measured(rows, options.repeats)))
    for peer in peers:
        if peer.largest < max(SIZES):
            console.print(f"{peer.name} is given no more than {peer.largest:,} layers: more take it minutes")


if __name__ == "__main__":
    main()
