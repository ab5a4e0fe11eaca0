"""Print the lowest version that pyproject.toml allows of every dependency, as pip requirements.

pip has no `--resolution lowest-direct`; the second virtual environment of `make check` is
installed from these lines.
"""

import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

FLOOR = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?:>=|~=)\s*([0-9][^,;\s]*)")


def declared() -> chain[str]:
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
    groups = project["dependency-groups"]
    extras = project["project"].get("optional-dependencies", {})
    return chain(project["project"]["dependencies"], *extras.values(), groups["test"])


def main() -> None:
    for requirement in declared():
        found = FLOOR.match(requirement)
        if not found:
            sys.exit(f"{requirement}: declare a lowest version with >=")
        print("==".join(found.groups()))


if __name__ == "__main__":
    main()
