"""Tiles of a reference act as further pictures."""

import torch
from pack.attention.reference.tiles import cut
from pack.nodes.forms.encode_reference import EncodeReference


def test_tiles_are_encoded_beside_the_picture(load, picture, ran):
    wide = picture(1, 64, 128)
    plain = ran(EncodeReference, adapter=load("sd15", "plus"), image=wide)
    tiled = ran(EncodeReference, adapter=load("sd15", "plus"), image=wide, tiles=1)
    assert (plain.embeds.count, tiled.embeds.count) == (1, 3)
    assert torch.equal(tiled.embeds.feature("penultimate")[:1], plain.embeds.feature("penultimate"))
    each = ran(EncodeReference, adapter=load("sd15", "plus"), image=cut(wide, 1))
    assert torch.equal(tiled.embeds.feature("penultimate")[1:], each.embeds.feature("penultimate"))
    assert len(tiled.pictures) == 3
    assert ran(EncodeReference, adapter=load("sd15", "plus"), image=wide, tiles=0).embeds.count == 1


def test_tiles_steer_and_their_tokens_share_one_softmax(load, picture, ran, sd15, apply, ksample):
    from pack.attention.sampling.attach import attachments

    wide = picture(1, 64, 128)
    embeds = ran(EncodeReference, adapter=load("sd15", "plus"), image=wide, tiles=2).embeds
    assert embeds.count == 1 + 8
    steered = apply(sd15.model, "sd15", "plus", embeds=embeds)
    (attached,) = attachments(steered)
    assert (attached.positive.count, attached.positive.num_tokens) == (1, 9 * attached.positive.picture_tokens)
    plain = apply(sd15.model, "sd15", "plus", image=wide)
    assert (ksample(sd15, steered) - ksample(sd15, plain)).abs().mean() > 1e-3
