"""A coverage-guided fuzz target: any bytes through the check, the renderer and the machine formats. Run it by hand:

    pip install -e ".[fuzz]"
    python fuzz/check.py -max_total_time=600

It starts from the specs and the cases of the tests, and keeps what reaches new code in `build/fuzz`; the options are
libFuzzer's. A failure is written to a file named `crash-...`. Mend its cause, and add the text to tests/fuzz_corpus:
the tests put every text there through the same function.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "build" / "fuzz"

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

with atheris.instrument_imports(include=["archdsl"]):
    from any_input import seeds, take


def main() -> None:
    if not KEPT.exists():
        KEPT.mkdir(parents=True)
        for number, text in enumerate(seeds()):
            (KEPT / f"{number:04}.arch").write_text(text, encoding="utf-8")
    atheris.Setup([*sys.argv, f"-dict={ROOT / 'fuzz' / 'words.dict'}", "-timeout=120", str(KEPT)], take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
