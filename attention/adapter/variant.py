"""What one kind of adapter is: a row of the table of variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from ..models.families import FAMILIES, Family, KindName, family_of
from ..reference.features import of_encoder
from ..reference.square import CROP
from .conditions import Condition
from .projection import Shapes
from .way import Way


@dataclass(frozen=True)
class Variant:
    """One kind of adapter: how it is recognised and what its projection reads.

    It is recognised by its image projection's keys and sizes (`when`; the first condition that fails ends the
    test). `features` are the projection's inputs, in order, by their names in `FEATURES`. In the unconditional half every feature is zeros,
    but with `encodes_zero_pixels` the penultimate hidden states are those of an all-zero tensor of normalised
    pixels, and with `encodes_black` the pooled embeds are those of a black picture, as in the authors' code. `recogniser` is the network whose face embeddings it was trained with.
    `shows` says how a face is cut out of its photo for the image encoder: upright, as the square around it, or as a
    portrait with everything around the face white.
    With `joins_photos` the projection itself makes several photos one reference; with `none_of_each_photo` the
    unconditional half has as many as the reference then.
    `beside_text` says that its image tokens stand beside a text that the model's network projects to its layers' width.
    `published` are the ids of published files that their keys cannot tell from those of another variant; their size
    and hash can. `kind` is the kind of model that it is for, a row of `models.kinds.KINDS`. `way` says how its keys and
    values are used. `fit` names the row of `square.SQUARE_FITS` by which a picture becomes its encoder's square as its
    authors do. With `leaves_negative` nothing acts on the negative prompt unless a picture is given for it. Where
    `is_asked_for` it is never taken for a file unless the person names it. `weight` is the one that its authors use.
    With `has_net` its authors made an IdentityNet that reads its image tokens; with `free_pose` that net also takes a black
    picture, which leaves the pose to the text. `family` is the base model where it has no layers to tell that by: then
    the net is all that acts, and `weight` is the net's strength.
    """

    name: str
    label: str
    projection: type[nn.Module]
    features: tuple[str, ...]
    when: tuple[Condition, ...]
    encodes_zero_pixels: bool = False
    encodes_black: bool = False
    recogniser: str | None = None
    shows: Literal["upright", "square", "portrait"] = "upright"
    beside_text: bool = False
    joins_photos: bool = False
    none_of_each_photo: bool = False
    options: Mapping[str, bool] = field(default_factory=dict[str, bool])
    published: tuple[str, ...] = ()
    kind: KindName = "unet"
    way: Way = Way()
    fit: str = CROP
    leaves_negative: bool = False
    is_asked_for: bool = False
    weight: float = 1.0
    has_net: bool = False
    free_pose: bool = False
    family: str | None = None

    @property
    def none_needs_encoder(self) -> bool:
        """Whether its unconditional half is something that the image encoder has to see."""
        return self.encodes_zero_pixels or self.encodes_black

    @property
    def encoder_feature(self) -> str | None:
        """What it reads of an image encoder; None where it reads faces alone."""
        return of_encoder(self.features)

    @property
    def has_layers(self) -> bool:
        """Whether it acts in layers of the model, and not by its net alone."""
        return self.family is None

    def family_with(self, num_layers: int) -> Family:
        """The base model of a file with so many layers. Raises ValueError when there is none."""
        return family_of(num_layers, self.kind) if self.family is None else FAMILIES[self.family]

    def first_failing(self, shapes: Shapes) -> Condition | None:
        """The condition that ends the test, None where all hold."""
        return next((condition for condition in self.when if not condition.holds(shapes)), None)
