"""Import what any program with mapped classes imports."""

import json
import time

began = time.perf_counter()
import sqlalchemy.orm  # noqa: E402, F401 - this is what is measured

print(json.dumps({"import": time.perf_counter() - began}))
