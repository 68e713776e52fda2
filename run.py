"""The one command for a fresh machine: python run.py demo | train | encode | batch | test | check | serve | bench | release."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - this is what an older Python gets to see
    sys.exit("This needs Python 3.10 or newer; start run.py with a newer Python than " + sys.version.split()[0])

from runner.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
