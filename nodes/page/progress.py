"""The host's progress bar and Cancel button, as the plain callable that the libraries take."""

from __future__ import annotations

from collections.abc import Callable

import comfy.model_management
import comfy.utils


def ticker(also: Callable[[int, int], None] = lambda _done, _of: None) -> Callable[[int, int], None]:
    """A callable of (done, of): moves the bar, tells `also`, and raises the host's exception when the user pressed Cancel."""
    bars: list[comfy.utils.ProgressBar] = []

    def tick(done: int, of: int) -> None:
        if not bars:
            bars.append(comfy.utils.ProgressBar(of))
        bars[0].update_absolute(done, of)
        also(done, of)
        comfy.model_management.throw_exception_if_processing_interrupted()

    return tick
