"""What the library finds, aligns and embeds is what insightface itself finds, aligns and embeds."""

import numpy as np
import pytest
from pack.face.align import SIZES, alignment, crop
from pack.face.recognisers import MOBILEFACENET

PICTURES = ("obama.jpg", "players.jpg", "solvay_conference_1927.jpg")
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)


@pytest.fixture(scope="module")
def analysis(pack_folder):
    """insightface's own application at the references' settings."""
    from insightface.app import FaceAnalysis

    app = FaceAnalysis(str(pack_folder), allowed_modules=["detection", "recognition"])
    app.prepare(ctx_id=-1, det_size=(640, 640))
    return app


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_faces_and_the_same_embeddings(analysis, embedded, photo, name):
    theirs = analysis.get(np.ascontiguousarray(photo(name)[..., ::-1]))
    ours = embedded(photo(name))
    assert len(ours) == len(theirs) > 0
    for mine, reference in zip(ours, theirs, strict=True):
        assert np.array_equal(mine.box, reference.bbox)
        assert np.array_equal(mine.keypoints, reference.kps)
        assert mine.score == reference.det_score
        assert np.abs(mine.embedding - reference.embedding).max() <= 1e-5
        assert np.abs(mine.unit_embedding - reference.normed_embedding).max() <= 1e-5
        assert mine.recogniser == MOBILEFACENET


def umeyama(points, template):
    """The closed form in 64 bit: a similarity of the plane is one complex factor and a shift."""
    p, q = points @ [1, 1j], template @ [1, 1j]
    factor = np.vdot(p - p.mean(), q - q.mean()) / np.vdot(p - p.mean(), p - p.mean())
    shift = q.mean() - factor * p.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


@pytest.mark.parametrize("size", SIZES)
def test_alignment_is_the_least_squares_similarity(embedded, photo, size):
    template = TEMPLATE * size / 112 if size % 112 == 0 else (TEMPLATE + [8, 0]) * size / 128
    for face in embedded(photo("solvay_conference_1927.jpg")):
        # insightface computes in 32 bit; the shift is thousands of pixels for a face far from the corner
        assert np.allclose(alignment(face.keypoints, size), umeyama(face.keypoints.astype(float), template), atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_crops_are_insightfaces(obama, size):
    from insightface.utils.face_align import norm_crop

    assert np.array_equal(crop(obama, size), norm_crop(obama.picture.pixels, obama.keypoints, size))


def test_crops_show_the_face_upright_in_rgb(obama):
    aligned = crop(obama, 112)
    cheek = aligned[70:78, 36:44].reshape(-1, 3).mean(axis=0)
    assert cheek[0] > cheek[1] > cheek[2]  # skin: more red than blue


@pytest.mark.parametrize("size", [0, 100, -112])
def test_other_crop_sizes_are_refused(obama, size):
    with pytest.raises(ValueError, match="multiple of 112 or 128"):
        crop(obama, size)


def test_keypoints_in_one_place_are_refused():
    with pytest.raises(ValueError, match="lie in one place"):
        alignment(np.full((5, 2), 7, np.float32))


def test_the_models_are_told_by_their_graphs(models):
    assert models.pack.detector.name == "scrfd_500m_bnkps.onnx"
    assert models.pack.recogniser.name == "w600k_mbf.onnx"
    assert models.recogniser_id == MOBILEFACENET
    report = models.report()
    assert "MobileFaceNet" in report and "runs on CPU" in report and "non-commercial" in report


def test_one_session_for_a_file_and_provider(models, pack_folder):
    from pack.face.models import load

    again = load(pack_folder, "CPU")
    assert again.detector is models.detector
    assert again.recogniser is models.recogniser
