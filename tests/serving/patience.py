"""How long anything is waited for: until it is there, and at most so long that only what hangs is given up."""

import time

PATIENCE = 45  # seconds; what a quiet machine does in one may take a minute on a busy one


def until(true, what, pause=0.1, patience=PATIENCE):
    """Wait until `true()` holds and return what it gave; TimeoutError says what was waited for.

    `pause` is a number of seconds, or a function that passes the time.
    """
    deadline = time.monotonic() + patience
    while not (given := true()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {patience} s")
        pause() if callable(pause) else time.sleep(pause)
    return given
