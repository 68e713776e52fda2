"""`run.py encode` in the Python that has the engine: run.py starts it so for --hosts, and so does whoever has a cluster."""

import sys

from ..cli import main

if __name__ == "__main__":
    sys.exit(main(["encode", *sys.argv[1:], "--here"]))
