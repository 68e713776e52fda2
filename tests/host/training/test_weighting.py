"""What the loss weighs, how far a gradient moves the weights, and the precision with a scaled loss."""

import pytest
import torch
from trainings import equal, run, settings, trainer


def weighed(weighting, snr, gamma=5.0):
    from pack.attention.training.weighting import weights_of

    return weights_of(torch.tensor(snr, dtype=torch.float64) ** -0.5, weighting, gamma).tolist()


def test_weights_are_those_of_the_papers():
    assert weighed("min_snr", [0.1, 5.0, 20.0, 500.0]) == pytest.approx([1.0, 1.0, 0.25, 0.01])
    assert weighed("debiased", [0.25, 1.0, 100.0, 1e6]) == pytest.approx([2.0, 1.0, 0.1, 1000**-0.5])


def test_an_error_of_the_velocity_weighs_the_same():
    """2303.09556 gives both forms: for the velocity min(snr, gamma) / (snr + 1) of its squared error."""
    for snr in (0.02, 3.0, 40.0):
        noise, clean, guess = (torch.randn(64, dtype=torch.float64) for _ in range(3))
        alpha, sigma = (snr / (1 + snr)) ** 0.5, (1 / (1 + snr)) ** 0.5
        noisy = alpha * clean + sigma * noise
        implied = (noisy - alpha * guess) / sigma  # noise
        velocity = ((alpha * implied - sigma * guess) - (alpha * noise - sigma * clean)).square().mean()
        ours = weighed("min_snr", [snr])[0] * (implied - noise).square().mean()
        assert float(ours) == pytest.approx(float(min(snr, 5.0) / (snr + 1) * velocity))


@pytest.mark.parametrize("weighting", ["min_snr", "debiased"])
def test_each_picture_of_a_batch_has_the_weight_of_its_level(weighting):
    from pack.attention.training.loss import Noised, loss
    from pack.attention.training.weighting import weights_of

    sigmas, clean = torch.tensor([0.1, 4.0]), torch.zeros(2, 4, 2, 2)
    given, denoised = Noised(clean, clean, sigmas), torch.ones(2, 4, 2, 2)
    weights = weights_of(sigmas, weighting, 5.0)
    each = [float(weight / sigma**2) for weight, sigma in zip(weights, sigmas, strict=True)]
    assert float(loss(given, denoised, weights)) == pytest.approx(sum(each) / 2)
    assert float(loss(given, denoised)) == pytest.approx((100 + 1 / 16) / 2)


def test_weighting_betas_and_limit_change_what_is_learned():
    plain = run(trainer(steps=1)).weights
    for changes in ({"weighting": "min_snr", "snr_gamma": 0.01}, {"gradient_limit": 1e-9}):
        assert not equal(run(trainer(steps=1, **changes)).weights, plain), changes
    assert trainer(beta1=0.5, beta2=0.9).optimizer.param_groups[0]["betas"] == (0.5, 0.9)


def test_fp16_trains_float32_weights_and_goes_on_with_its_scale(tmp_path):
    exact, whole = run(trainer(steps=1)), run(trainer(steps=2, precision="fp16"))
    assert {tensor.dtype for tensor in whole.weights.values()} == {torch.float32}
    assert whole.losses[0] == pytest.approx(exact.losses[0], rel=0.05) and whole.losses[0] != exact.losses[0]
    state = tmp_path / "state"
    run(trainer(steps=1, precision="fp16"), state=state)
    kept = torch.load(state)
    assert kept["scaler"]["scale"] > 1
    assert equal(run(trainer(steps=2, precision="fp16"), state=state).weights, whole.weights)


def test_a_scale_that_is_too_large_skips_the_step_and_halves():
    made = trainer(steps=1, precision="fp16")
    made.scaler = torch.amp.GradScaler("cpu", init_scale=1e38)
    before = {name: tensor.clone() for name, tensor in made.trainee.state_dict().items()}
    assert equal(run(made).weights, before)
    assert made.scaler.get_scale() == pytest.approx(0.5e38)


def test_a_gradient_that_is_no_number_never_reaches_the_weights():
    made = trainer(steps=1)
    before = {name: tensor.clone() for name, tensor in made.trainee.state_dict().items()}
    next(made.trainee.parameters()).register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(ValueError, match="the gradient of step 1 is nan. Lower the learning rate"):
        run(made)
    assert equal(made.trainee.state_dict(), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weighting": "huber"}, "no weighting 'huber'; choose one of: none, min_snr, debiased"),
        ({"beta2": 1.0}, "beta2 is 1.0; it must be between 0 and 1"),
        ({"gradient_limit": -1.0}, "gradient_limit is -1.0"),
        ({"snr_gamma": 0.0}, "snr_gamma is 0.0"),
    ],
)
def test_bad_ones_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)
