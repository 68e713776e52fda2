"""The colours by which people are told apart, in every picture and list of them; black is read on each."""

Colour = tuple[int, int, int]

PEOPLE: tuple[Colour, ...] = (
    (86, 180, 233),
    (240, 170, 30),
    (60, 200, 140),
    (240, 228, 66),
    (225, 140, 190),
    (245, 125, 70),
    (160, 165, 255),
    (185, 205, 125),
)
"""RGB; told apart with colour-blind eyes too (after Okabe and Ito), lightened."""


def of_person(place: int) -> Colour:
    """The colour of the person at this place, from 0; after the last they begin anew."""
    return PEOPLE[place % len(PEOPLE)]
