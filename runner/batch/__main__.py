"""`run.py batch` in the Python that has the engine: run.py starts it so, and so does whoever has a cluster."""

import sys

from ..cli import main

if __name__ == "__main__":
    sys.exit(main(["batch", *sys.argv[1:], "--here"]))
