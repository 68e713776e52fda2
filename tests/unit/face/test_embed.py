"""Embeddings stay with the face and with the recogniser that made them."""

import numpy as np
import pytest
from pack.face.embed import check_recogniser, embed, embed_batch, embeddings
from pack.face.errors import MissingModel, WrongRecogniser


def test_a_face_gets_a_raw_embedding_and_the_recognisers_name(fake_models, fake_recogniser, face):
    found = embed(fake_models(recogniser=fake_recogniser), face())
    assert found.embedding.shape == (512,) and found.recogniser == "ResNet100"
    assert np.linalg.norm(found.embedding) > 2
    assert np.linalg.norm(found.unit_embedding) == pytest.approx(1, abs=1e-6)


def test_a_batch_keeps_its_order_and_tells_progress(fake_models, fake_recogniser, face, faces_of, picture):
    first, second = picture(count=2)
    told = []
    batch = (faces_of(first, face(of=first), face((1, 2, 3, 4), of=first)), faces_of(second))
    done = embed_batch(fake_models(recogniser=fake_recogniser), batch, lambda *now: told.append(now))
    assert [len(entry.faces) for entry in done] == [2, 0]
    assert all(face.embedding is not None for face in done[0].faces)
    assert batch[0].faces[0].embedding is None
    assert told == [(1, 2), (2, 2)]


def test_the_same_face_is_embedded_once(fake_models, fake_recogniser, face):
    calls = []

    class Counting:
        session = None

        def get_feat(self, imgs):
            calls.append(imgs)
            return fake_recogniser.get_feat(imgs)

    models = fake_models(recogniser=Counting())
    for _ in range(3):
        embed(models, face())
    assert len(calls) == 1


def test_faces_without_embedding_or_of_two_recognisers_cannot_be_stacked(face, embedding):
    with pytest.raises(ValueError, match="1 of 2 faces have no embedding"):
        embeddings([face(embedding=embedding(1)), face()])
    with pytest.raises(WrongRecogniser, match="MobileFaceNet, ResNet100"):
        embeddings([face(embedding=embedding(1)), face(embedding=embedding(1), recogniser="MobileFaceNet")])


def test_a_recogniser_that_does_not_fit_the_adapter_is_refused_or_noted():
    assert check_recogniser("ResNet50", "ResNet50", "FaceID") == ""
    with pytest.raises(WrongRecogniser, match="InstantID was trained on .*ResNet100.*MobileFaceNet.*antelopev2"):
        check_recogniser("MobileFaceNet", "ResNet100", "InstantID")
    assert "MobileFaceNet" in check_recogniser("MobileFaceNet", "ResNet100", "InstantID", override=True)
    with pytest.raises(WrongRecogniser, match="unknown"):
        check_recogniser("unknown", "ResNet50", "FaceID")


def test_a_pack_without_recogniser_says_where_one_is(fake_models, face):
    with pytest.raises(MissingModel, match="recogniser"):
        embed(fake_models(), face())
