"""Processes of others, as Linux shows them."""

from pathlib import Path


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid):
    """The process that has begun another, 0 where there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def is_below(pid, top):
    """Whether a process was begun by another, by way of any number of others."""
    while pid > 1:
        if pid == top:
            return True
        pid = parent_of(pid)
    return False


def environ_of(pid):
    try:
        found = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(entry.partition("=")[::2] for entry in found.split("\0"))


def words_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
