"""One line of the table: a file, what was compared with whom, how far apart they are and what may be."""

from dataclasses import dataclass

AGREES, DIFFERS, DAMAGED, NOT_COMPARED = "agrees", "DIFFERS", "DAMAGED", "not compared"


@dataclass(frozen=True)
class Row:
    """What was found about one file.

    `difference` is the largest absolute one, `limit` the most that may be; `effect` is how much the file changes at
    all: an adapter that changes nothing agrees with everything. `why` says why there is no comparison.
    """

    file: str
    compared: str = ""
    difference: float | None = None
    limit: float | None = None
    effect: float | None = None
    why: str = ""
    is_damaged: bool = False

    @property
    def verdict(self) -> str:
        """One of the four words of this module."""
        if self.is_damaged:
            return DAMAGED
        if self.difference is None or self.limit is None:
            return NOT_COMPARED
        holds = self.difference <= self.limit and (self.effect is None or self.effect > self.limit)
        return AGREES if holds else DIFFERS

    def cells(self) -> tuple[str, str, str, str, str]:
        """File, what was compared, difference, limit and verdict in words."""
        if self.difference is None:
            return self.file, self.why or self.compared, "", "", self.verdict
        changed = "" if self.effect is None else f"; it changes {self.effect:.1e}"
        return self.file, self.compared + changed, f"{self.difference:.1e}", f"{self.limit:.0e}", self.verdict


def status_of(rows: list[Row]) -> int:
    """0 where everything that was found agrees, 1 where something differs or is damaged, 3 where something is missing."""
    verdicts = {row.verdict for row in rows}
    if verdicts & {DIFFERS, DAMAGED}:
        return 1
    return 0 if verdicts == {AGREES} else 3
