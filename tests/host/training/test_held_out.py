"""Pictures that are held out: which they are, that nothing is learned from them, and that their number can be compared."""

import json
from dataclasses import replace

import pytest
import torch
from trainings import PICTURES, dataset, equal, run, settings, trainer


def latents(given):
    return {tuple(example.latent.flatten().tolist()) for example in given.examples}


def test_they_depend_on_the_pictures_and_not_on_their_order():
    from pack.attention.training.held_out import split

    given = dataset("sd15", "base")
    trained, apart = split(given, 2)
    assert (len(trained.examples), len(apart.examples)) == (PICTURES - 2, 2)
    assert not latents(trained) & latents(apart)
    assert latents(split(replace(given, examples=given.examples[::-1]), 2)[1]) == latents(apart)
    assert split(given, 0) == (given, None)
    with pytest.raises(ValueError, match=f"held_out is {PICTURES}, but there are {PICTURES} pictures"):
        split(given, PICTURES)


def test_nothing_is_learned_from_them():
    """The same weights as a training to which they were never given, with looks at them in between."""
    from pack.attention.training.loop import Trainer

    looked = trainer(steps=2, held_out=1)
    without = Trainer(looked.frozen, trainer().trainee, looked.dataset, settings(steps=2))
    first, second = run(looked, check_every=1), run(without)
    assert equal(first.weights, second.weights) and first.losses == second.losses
    assert sorted(first.checks) == [0, 1, 2] and not second.checks


def test_their_error_is_that_of_each_level(tmp_path):
    """Against the loss of one level at a time; the same twice, and written level by level."""
    from pack.attention.training import held_out
    from pack.attention.training.log import Logs
    from pack.attention.training.loss import Noised, loss

    made = trainer(steps=1, held_out=1)
    (example,), sampling = made.apart.examples, made.frozen.model.model_sampling
    clean, found = made._showing.latents([example]), []
    batch = made._showing.batch([example], clean, [(False, False)])
    for level in range(held_out.LEVELS):
        sigma = sampling.sigmas[(2 * level + 1) * len(sampling.sigmas) // 20][None].to(clean.device)
        noise = held_out._noise(example, level)[None].to(clean.device)
        given = Noised(clean, sampling.noise_scaling(sigma[:, None, None, None], noise, clean), sigma)
        with torch.no_grad():
            found.append(float(loss(given, made.trainee(made.frozen, given, batch))))
    logs = Logs(tmp_path / "x.log.jsonl")
    trained = run(made, logs=logs)
    first, last = (json.loads(line) for line in logs.path.read_text().splitlines())
    height, width = example.latent.shape[-2:]
    assert (first["step"], last["step"]) == (0, 1)
    assert [first[f"held_out/{width}x{height}/{level}"] for level in range(10)] == pytest.approx(found, rel=1e-4)
    assert first["held_out"] == trained.checks[0] == pytest.approx(sum(found) / 10, rel=1e-4)
    assert last["held_out"] == trained.checks[1] != trained.checks[0]


def test_a_resumed_training_has_the_same_numbers(tmp_path):
    """Of averaged weights, where these are what is saved."""
    changes, state = {"held_out": 1, "average": 0.9}, tmp_path / "state"
    whole = run(trainer(steps=2, **changes), check_every=1)
    run(trainer(steps=1, **changes), state=state)
    assert run(trainer(steps=2, **changes), state=state).checks == whole.checks
    with pytest.raises(ValueError, match="held_out 1 there, 2 now"):
        run(trainer(steps=3, held_out=2, average=0.9), state=state)


def test_the_curve_shows_them():
    from pack.attention.training.curve import loss_curve

    plain, checked = (loss_curve([0.3, 0.2, 0.1], checks) for checks in ({}, {0: 0.25, 3: 0.2}))
    assert plain.tobytes() != checked.tobytes() and loss_curve([0.3, 0.2, 0.1]).tobytes() == plain.tobytes()
