"""Fuzz for long: `PYTHONPATH=tests .venv/bin/python tests/fuzz/run.py [INPUTS] [SEED]`.

Prints how many inputs each target took and in what time. An input that breaks a target is printed
and kept in a temporary folder, and the exit code is 1: mend the kind, and add it to ``broke_once``.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import traceback

from fuzz.targets import mutated, targets


def main() -> int:
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    broken, known = 0, targets()
    for name, target in known.items():
        chance, begun, share = (
            random.Random(f"{name} {seed}"),
            time.monotonic(),
            inputs // len(known),
        )
        for _ in range(share + 1):
            data = mutated(chance, target.seeds)
            try:
                target.run(data)
            except Exception:
                broken += 1
                with tempfile.NamedTemporaryFile(prefix="kubeauth-fuzz-", delete=False) as file:
                    file.write(data)
                print(f"{name}: {file.name}")
                traceback.print_exc()
                if broken > 20:
                    return 1
        print(f"{name:12}  {share + 1:>9,} inputs  {time.monotonic() - begun:6.0f} s", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
