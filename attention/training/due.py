"""When the state of a training is to be written: after so many steps, and after so many minutes."""

from __future__ import annotations

from collections.abc import Callable


class Due:
    """Knows whether the state is to be written after a step.

    Every `steps` steps, after the last one, and where `minutes` have gone since it was last written: a step of a large
    model can take so long that counting steps alone would lose hours when the process is killed.
    """

    def __init__(self, steps: int, minutes: float, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._steps = steps
        self._seconds = 60 * minutes
        self._clock = clock
        self._since = clock()

    def after(self, done: int, of: int) -> bool:
        """Whether it is to be written now that `done` of `of` steps are done."""
        return done == of or done % self._steps == 0 or self._clock() - self._since >= self._seconds

    def written(self) -> None:
        """It is written; the minutes begin anew, without those that writing took."""
        self._since = self._clock()
