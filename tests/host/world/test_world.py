"""The miniature world's trained adapters do what they are for, on held-out references and people."""

import pytest
import torch

REFERENCES, PEOPLE = 40, 20


@pytest.fixture(scope="module")
def world():
    from miniature.world.drawing import World

    return World()


@pytest.fixture(scope="module")
def given():
    """Held-out shapes and what the image encoder sees in them."""
    from miniature.world import adapters, encoder, models, pictures
    from pack.attention.reference.embeds import Embeds

    drawn = pictures.draw_shapes(900, REFERENCES)
    seen = encoder.pooled(models.clip_vision(), (pictures.as_images(drawn) * 255).round().byte())
    return drawn, Embeds(image_embeds=seen, encoder=adapters.ENCODER)


def colours(pictures):
    """The colour of which each picture (n, 64, 64, 3) has most, by its pixels."""
    from miniature.world.shapes import COLOURS

    palette = torch.tensor(list(COLOURS.values())) / 255
    away = (pictures[:, :, :, None] - palette).abs().amax(-1)  # (n, 64, 64, colours)
    return (away < 0.2).sum((1, 2)).argmax(-1)


def backgrounds(pictures):
    """The background that is nearest to each picture's upper corners."""
    from miniature.world.shapes import BACKGROUNDS

    palette = torch.tensor(list(BACKGROUNDS.values())) / 255
    corners = torch.stack([pictures[:, 2, 2], pictures[:, 2, -3]])  # (2, n, 3)
    return (corners[:, :, None] - palette).abs().sum(-1).mean(0).argmin(-1)


def told_by(drawn):
    """The number of each picture's colour and background."""
    from miniature.world.shapes import BACKGROUNDS, COLOURS

    shapes = [each.shape for each in drawn]
    return (
        torch.tensor([list(COLOURS).index(shape.colour) for shape in shapes]),
        torch.tensor([list(BACKGROUNDS).index(shape.background) for shape in shapes]),
    )


def share(found, told):
    return float((found == told).float().mean())


def test_a_reference_arrives_and_another_one_by_chance_only(world, given):
    from miniature.world import files, pictures
    from miniature.world.drawing import Branch

    drawn, seen = given
    adapter = world.adapter(files.IP_ADAPTER)
    plain, steered = (world.drawn(["a thing"] * REFERENCES, adapter, seen, Branch(w)) for w in (0.0, 1.0))
    for told, seen_in, least, by_chance in zip(
        told_by(drawn), (colours, backgrounds), (0.65, 0.8), (0.35, 0.45), strict=True
    ):
        assert share(seen_in(pictures.as_images(drawn)), told) == 1.0
        assert share(seen_in(steered), told) >= least
        assert share(seen_in(plain), told) <= by_chance and share(seen_in(steered), told.roll(1)) <= by_chance


def test_at_weight_0_it_is_the_plain_model_to_the_bit(world, given):
    from miniature.world import files
    from miniature.world.drawing import Branch

    _, seen = given
    texts = ["a star"] * 2
    one = type(seen)(image_embeds=seen.feature("image_embeds")[:2], encoder=seen.encoder)
    zero = world.drawn(texts, world.adapter(files.IP_ADAPTER), one, Branch(0.0))
    assert torch.equal(zero, world.by_text(texts))


@pytest.fixture(scope="module")
def sees():
    """Drawn faces -> their embeddings."""
    from miniature.world import recogniser

    network = recogniser.network_of_the_world()
    return lambda drawn: torch.from_numpy(recogniser.seen(network, recogniser.upright(drawn)))


@pytest.fixture(scope="module")
def tells(sees):
    """Embeddings -> the number of the hair and of the skin, by a linear map fitted on other people."""
    from miniature.world.faces import IDENTITY
    from miniature.world.people import trained_on
    from miniature.world.pictures import draw_faces

    others = draw_faces(77, 1500, trained_on())
    seen = sees(others)
    inverse = torch.linalg.solve(seen.T @ seen + 30 * torch.eye(seen.shape[1]), seen.T)
    maps = {}
    for name in ("hair", "skin"):
        told = torch.tensor([IDENTITY[name].index(getattr(each.identity, name)) for each in others])
        maps[name] = inverse @ torch.nn.functional.one_hot(told).float()
    return lambda name, embeddings: (embeddings @ maps[name]).argmax(1)


def test_a_person_is_recognised_where_the_keypoints_are(world, sees, tells):
    from miniature.world import adapters, evaluation, files
    from miniature.world.pictures import Drawn
    from pack.attention.reference.embeds import Embeds

    people, posed = evaluation.held_out_faces()
    posed = posed[:: evaluation.POSES][:PEOPLE]
    face = sees(people[:PEOPLE])
    hints = torch.stack([adapters.hint(each) for each in posed]).movedim(1, -1)
    adapter = world.adapter(files.INSTANTID)

    def found(weight):
        """What is seen of the faces that are cut out where the keypoints should be."""
        pictures = world.held(["a face"] * PEOPLE, adapter, Embeds(face=face, encoder=""), hints, weight)
        drawn = zip(evaluation.eight_bit(pictures), posed, strict=True)
        return sees([Drawn(pixels, "", pose=each.pose) for pixels, each in drawn])

    plain, held = found(0.0), found(1.0)
    for name, least, by_chance in (("hair", 0.6, 0.45), ("skin", 0.5, 0.45)):
        told = tells(name, sees(posed))
        assert share(tells(name, face), told) > 0.85
        assert share(tells(name, held), told) >= least
        assert share(tells(name, plain), told) <= by_chance
        assert share(tells(name, held), told.roll(1)) <= by_chance
