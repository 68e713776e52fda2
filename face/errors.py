"""What can go wrong with faces, as errors that say what was found and what to do."""

FIND_IT = (
    "Lower the threshold in Find Faces, raise its 'size' for a tiny face in a large photo, or use a photo in which the "
    "face is larger"
)
"""What to do about a face that was not found; without a full stop."""
SKIP_IT = ", or set 'missing' to skip"
"""What else to do on a node that can do without."""
CUT = (
    " Photos of unlike sizes in one batch were cut to the shape of the first, faces too: find the faces of each photo by "
    "itself and connect Join Faces."
)
"""What else may be the reason where a picture is one of several; begins with a space."""

SHOWN_AS = "likeness"
"""The module under which the page and the history name these errors, in place of the path of the pack's folder."""


class MissingPackage(ImportError):
    """A Python package that only the face nodes need is not installed."""

    __module__ = SHOWN_AS


class MissingModel(ValueError):
    """A face model file is absent, unreadable or ambiguous."""

    __module__ = SHOWN_AS


class MissingFace(ValueError):
    """A picture that should show a face shows none."""

    __module__ = SHOWN_AS


def missing_face(where: str, also: str = "", reason: str = "") -> MissingFace:
    """What every node says that misses a face: in which picture, what to do (`also` is what else), why it may be so."""
    return MissingFace(f"No face found in {where}. {FIND_IT}{also}.{reason}")


class WrongRecogniser(ValueError):
    """An embedding comes from another recogniser than the one that is needed."""

    __module__ = SHOWN_AS


class MissingPhoto(ValueError):
    """The pixels of a picture are asked for of which only the faces were kept."""

    __module__ = SHOWN_AS
