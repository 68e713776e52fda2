"""What docs/fast-models.md says about ranges with few steps."""

import comfy.samplers
import pytest
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.strengths import strengths


@pytest.mark.parametrize(
    ("steps", "end", "acting"),
    [
        (2, 0.5, 2), (2, 0.49, 1),
        (4, 0.8, 4), (4, 0.75, 4), (4, 0.74, 3), (4, 0.6, 3), (4, 0.5, 3), (4, 0.49, 2), (4, 0.25, 2),
        (8, 0.88, 8), (8, 0.87, 7), (8, 0.76, 7), (8, 0.49, 4), (8, 0.38, 4),
    ],
)  # fmt: skip
def test_a_range_ends_between_steps(sdxl, apply, steps, end, acting):
    model = apply(sdxl.model, "sdxl", end_percent=end)
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "sgm_uniform", steps)[:-1].tolist()
    (branch,) = strengths(attachments(model), sampling, sigmas)
    assert [any(step) for step in branch.factors] == [step < acting for step in range(steps)]
