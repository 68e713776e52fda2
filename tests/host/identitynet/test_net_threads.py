"""IdentityNets of one network in several threads, as the host runs its copies on several cards: the bits of one thread."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import torch
from identity_runs import call, copied, face, hints, same, shown
from pack.attention.sampling.attach import RUN
from pack.attention.sampling.rows import Conditionings
from pack.attention.sampling.run import Run

ROUNDS = 3


def test_copies_in_threads_with_other_faces_hints_and_halves_give_the_bits_of_one(sdxl):
    """They share the network, the face and the run; what a call makes for itself must not meet another's."""
    positive, negative = uuid4(), uuid4()
    sides = {"positive": [{"uuid": positive}], "negative": [{"uuid": negative}]}
    mask = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(3))
    context = face(mask=mask)
    first = shown(context, hints(1, count=2))
    nets = [first, first.copy(), shown(face(6), hints(2)), shown(context, hints(3), strength=0.4)]
    nets[1].set_cond_hint(first.cond_hint_original, 1.0, (0.0, 1.0))
    plans = [
        (2, {"cond_or_uncond": [1, 0], "uuids": [negative, positive]}),
        (2, {"cond_or_uncond": [0, 1], "uuids": [positive, negative]}),
        (1, {"cond_or_uncond": [0], "uuids": [positive]}),
        (2, {"cond_or_uncond": [0], "uuids": [negative]}),
    ]
    for net in nets:
        net.pre_run = lambda *_: None  # one thread of the host's prepares all of them before the others begin
        type(net).pre_run(net, sdxl.model.model, sdxl.model.model.model_sampling.percent_to_sigma)

    def run():
        return Run((), sdxl.model.model.model_sampling, Conditionings.of(sides, (16, 16)))

    def work(number, state):
        rows, options = plans[number]
        return copied(call(nets[number], sdxl, {**options, RUN: state}, rows=rows))

    alone = [work(number, run()) for number in range(len(nets))]
    together_in, meeting = run(), threading.Barrier(len(nets))

    def thread(number):
        found = []
        with torch.inference_mode():
            for _ in range(ROUNDS):
                meeting.wait(120)
                found.append(work(number, together_in))
        return found

    with ThreadPoolExecutor(len(nets)) as pool:
        for number, results in enumerate(pool.map(thread, range(len(nets)))):
            assert all(same(result, alone[number]) for result in results)
