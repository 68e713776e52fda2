"""What went wrong in words a newcomer can act on, and the steps that are printed on the way."""


class Problem(Exception):
    """Something the user can act on: what failed, and what to do about it."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.cure)  # on its way from another process

    def __str__(self) -> str:
        return f"{self.what}\n  What to do: {self.cure}"


def say(text: str) -> None:
    """Print one step of the way, at once, so that the output of programs we start comes after it."""
    print(f"* {text}", flush=True)
