"""Noise as a negative, from the node to the picture."""

import torch
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.noise_picture import NoisePicture


def test_every_socket_is_explained():
    schema = NoisePicture.define_schema()
    schema.validate()
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
    assert schema.node_id == "LikenessNoisePicture"


def test_without_a_picture_it_is_noise_alone(ran):
    made = ran(NoisePicture, kind="fade", seed=3).picture
    assert made.shape == (1, 224, 224, 3)
    assert torch.equal(made, ran(NoisePicture, kind="fade", seed=3).picture)
    assert 0.45 < made.mean() < 0.55


def test_a_picture_is_cut_to_the_encoders_size_first(ran, picture):
    assert ran(NoisePicture, image=picture(1, 300, 500), size=64).picture.shape == (1, 64, 64, 3)


def test_noise_as_a_negative_changes_what_is_made(ran, sd15, load, apply, ksample):
    noise = ran(NoisePicture, kind="dissolve", strength=0.7, seed=1).picture
    negative = EncodeReference.execute(load("sd15", "plus"), noise).args[0]
    plain = ksample(sd15, apply(sd15.model, "sd15", "plus"))
    steered = ksample(sd15, apply(sd15.model, "sd15", "plus", negative_embeds=negative))
    assert (steered - plain).abs().mean() > 1e-2
