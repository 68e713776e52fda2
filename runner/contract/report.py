"""Uses and promises -> lines that say what holds on this ComfyUI and what does not, and which feature that touches."""

from collections.abc import Iterable, Iterator, Sequence

from .behaviour import Promise
from .findings import Finding, findings
from .uses import Use


def broken(promises: Iterable[Promise]) -> Iterator[Finding]:
    """The promises that do not hold, with what happens instead."""
    for promise in promises:
        try:
            promise.hold()
        except Exception as error:  # noqa: BLE001  a host that breaks a promise may do it with any error
            yield Finding(f"{promise.says}: {str(error) or type(error).__name__}", promise.feature)


def report(uses: Sequence[Use], promises: Sequence[Promise]) -> tuple[list[str], bool]:
    """The lines, and whether everything holds that the pack cannot do without."""
    missing, otherwise = list(findings(uses)), list(broken(promises))
    names = len({use.name for use in uses})
    lines = [
        f"{names - len(missing)} of {names} names of ComfyUI that Likeness uses are there and take its calls.",
        f"{len(promises) - len(otherwise)} of {len(promises)} kinds of behaviour that it relies on hold.",
    ]
    found = [*missing, *otherwise]
    if found:
        lines += ["", "Does not hold:", *(f"  {_said(each)}" for each in found)]
    return lines, all(each.is_guarded for each in found)


def _said(found: Finding) -> str:
    without = "Likeness does without" if found.is_guarded else "does not work"
    return f"{found.what}\n      touches {found.feature}: {without}"
