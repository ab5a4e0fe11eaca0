"""Run every adapter against its framework, each in an environment of its own.

    python tests/frameworks/run.py [NAME…] [--lowest] [pytest's options]

The suites of a framework stand in `tests/frameworks/<name>/suite_*.py`. One that fails does not
keep the others from running. Exits with 1 when a suite failed, with 2 when a framework could not be
had. With `--lowest` each has the lowest version that its extra allows. `FRAMEWORKS_CACHE` says where
the environments are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tools.environments import ROOT, UnavailableError, of_framework, package_of

NAMES = sorted(each.name for each in HERE.iterdir() if list(each.glob("suite_*.py")))
LOWEST = "--lowest"
FAILED, MISSING = 1, 2
WHERE = ("-c", str(HERE / "pytest.ini"), "--rootdir", str(ROOT), "--confcutdir", str(HERE.parent))


def main(arguments: list[str]) -> int:
    """Run what is asked for; return the exit code."""
    names = [each for each in arguments if each in NAMES] or NAMES
    lowest = LOWEST in arguments
    options = [each for each in arguments if each not in (*NAMES, LOWEST)]
    outcomes = {name: tested(name, options, lowest=lowest) for name in names}
    for name, (outcome, _) in outcomes.items():
        print(f"frameworks: {name}: {outcome}")
    codes = {code for _, code in outcomes.values()}
    return FAILED if FAILED in codes else max(codes)


def tested(name: str, options: list[str], *, lowest: bool) -> tuple[str, int]:
    """What became of the suites of a framework, in words, and the exit code."""
    try:
        environment = of_framework(name, lowest=lowest)
    except UnavailableError as exc:
        return f"could NOT be had, its suites did NOT run: {exc}", MISSING
    version = environment.version(package_of(name))
    print(f"{package_of(name)} {version}:", flush=True)
    command = [str(environment.python), "-m", "pytest", "-q", "-n", "2", *WHERE, *options]
    env = {
        **os.environ,
        "HERMES_STORE_SQLITE": "sqlite3",
        "FRAMEWORK_FOLDER": str(environment.folder),
        "FRAMEWORK_VERSION": version,
    }
    env.pop("HERMES_STORE_URL", None)
    code = subprocess.run([*command, str(HERE / name)], check=False, cwd=ROOT, env=env).returncode
    return (f"{version} passed", 0) if code == 0 else (f"{version} FAILED", FAILED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
