"""Starts a program that ends when its parent does, however that ends: python leash.py main.py arguments, or -m and
one of our modules.

Its standard input is a pipe whose other end only the parent has. On Linux the kernel sees to it as well, which reaches
a program that lets no thread of its own run.
"""

import os
import runpy
import sys
import threading

PR_SET_PDEATHSIG, SIGKILL = 1, 9


def held_by_the_kernel() -> None:
    """Ask Linux to kill this process with the thread that started it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def held_by_a_pipe() -> None:
    """Wait until the parent's end is closed."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    held_by_the_kernel()
    threading.Thread(target=held_by_a_pipe, daemon=True).start()
    module = sys.argv[1:2] == ["-m"]
    here = os.path.dirname(os.path.abspath(sys.argv.pop(0)))
    # A portable Python does not search the program's folder, neither ours nor that of what is started.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    if module:
        del sys.argv[0]
        sys.path.insert(0, os.path.dirname(os.path.dirname(here)))
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
        runpy.run_path(sys.argv[0], run_name="__main__")
