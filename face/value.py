"""The values that the face library passes around: a picture, a face, the faces of a picture."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import MissingPhoto

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, RGB unless a name says bgr."""
Array = npt.NDArray[np.float32]

KEYPOINT_NAMES = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")


def frozen(values: npt.ArrayLike) -> Array:
    """A read-only float32 copy, so that no one changes a value that others hold too."""
    array = np.array(values, dtype=np.float32)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a batch: its place (from 0), how many there are, its size, a hash of its pixels, and these."""

    index: int
    count: int
    size: tuple[int, int]
    """(width, height) in pixels"""
    digest: str
    photo: Pixels | None = None
    """None where only the faces of it were kept"""

    @property
    def pixels(self) -> Pixels:
        """Raises MissingPhoto where they were not kept."""
        if self.photo is None:
            raise MissingPhoto(
                f"The photo of {self.name} is not there: its faces come from a file. Connect Find Faces with the photo."
            )
        return self.photo

    @property
    def name(self) -> str:
        """How messages call it, counted from 1 as people do."""
        return f"picture {self.index + 1} of {self.count}"


@dataclass(frozen=True)
class Rung:
    """How a face was found: size of the detector's canvas, with a margin or not, by a second pass or not, and by how many
    degrees against the clock the photo was turned for it."""

    source: str = "detector"
    size: tuple[int, int] | None = None
    padded: bool = False
    refined: bool = False
    turned: int = 0

    def __str__(self) -> str:
        if self.size is None:
            return self.source
        width, height = self.size
        words = [str(width) if width == height else f"{width}x{height}"]
        words += ["padded"] if self.padded else []
        words += ["refined"] if self.refined else []
        words += [f"photo turned by {self.turned} degrees"] if self.turned else []
        return ", ".join(words)


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture; everything in pixels of that picture.

    Coordinates are never clipped: a face cut off by the border reaches past it, as in InsightFace.
    """

    picture: Picture
    box: Array
    """(4,) x0 y0 x1 y1"""
    keypoints: Array
    """(5, 2) x then y, in the order of KEYPOINT_NAMES; left and right as seen in the picture"""
    score: float
    """0..1"""
    rung: Rung
    oval: Array | None = None
    """(N, 2) outline of the face, where the source gives one"""
    embedding: Array | None = None
    """(512,) raw, as the recogniser gives it"""
    recogniser: str | None = None
    """id of the network that made the embedding, see recognisers.py"""
    upright: Pixels | None = None
    """(S, S, 3) the aligned crop that was kept with the face in place of its photo"""
    unaligned: Pixels | None = None
    """the square around the box that was kept so, see square.py"""
    number: int = 0
    """among the faces of the photo that it was chosen from, from 1; 0 where it was not chosen, see person_numbers.py"""

    @property
    def unit_embedding(self) -> Array | None:
        """(512,) of length 1, or None; raises nothing: a zero vector stays zero."""
        if self.embedding is None:
            return None
        return self.embedding / max(float(np.linalg.norm(self.embedding)), 1e-12)

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        x0, y0, x1, y1 = (float(v) for v in self.box)
        return max(x1 - x0, 0.0) * max(y1 - y0, 0.0)

    @property
    def centre(self) -> Array:
        """(2,) middle of the box."""
        return (self.box[:2] + self.box[2:]) * np.float32(0.5)


@dataclass(frozen=True, eq=False)
class PictureFaces:
    """A picture and its faces, best score first; no face is an empty tuple, so a batch keeps its length."""

    picture: Picture
    faces: tuple[Face, ...]

    def __repr__(self) -> str:
        """Short: the host writes what an input was into its errors, and shows it as text."""
        return f"{self.picture.name}: {len(self.faces)} faces"


FaceBatch = tuple[PictureFaces, ...]
"""One entry for every picture of a batch, always."""
