"""Faces of photos of any sizes in one batch."""

from dataclasses import replace

import pytest
from pack.face.join import joined


def test_pictures_of_any_sizes_are_counted_anew_and_nothing_else_changes(picture, face, faces_of):
    (wide,), (first, second) = picture(300, 50), picture(80, 120, count=2)
    batches = [(faces_of(wide, face(of=wide), face(of=wide)),), (faces_of(first), faces_of(second, face(of=second)))]
    batch = joined(batches)
    assert [entry.picture.name for entry in batch] == [f"picture {i} of 3" for i in (1, 2, 3)]
    assert [entry.picture.size for entry in batch] == [(300, 50), (80, 120), (80, 120)]
    assert [len(entry.faces) for entry in batch] == [2, 0, 1]
    for entry, before in zip(batch, [entry for each in batches for entry in each], strict=True):
        assert entry.picture.pixels is before.picture.pixels and entry.picture.digest == before.picture.digest
        for one, other in zip(entry.faces, before.faces, strict=True):
            assert one.picture is entry.picture and vars(replace(one, picture=other.picture)) == vars(other)


def test_nothing_to_join_is_an_error():
    with pytest.raises(ValueError, match="no faces to join"):
        joined([])
