"""Tests of what one re-created host alone does; elsewhere there is nothing to test, and they are not collected."""

import os

from runner.recreated import HOSTS, SINGLE

HERE = HOSTS.get(os.environ.get("LIKENESS_HOST", ""), ())
collect_ignore = [f"test_{name.replace('-', '_')}.py" for name in SINGLE if name not in HERE]
