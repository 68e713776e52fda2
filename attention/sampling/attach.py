"""Puts an attachment on a clone of a model, and lets the host's sampling find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP, add_wrapper_with_key, get_wrappers_with_key
from torch import Tensor

from ..branch.effect import Effect
from ..models.kinds import FLUX, REFERENCES
from .acting import Acting
from .again import samples_again
from .call import WHOLE, Given, rows_of_call
from .compiled import own_graphs
from .entries import ENTRIES, AnyCall
from .rows import Conditionings, tell_apart
from .run import Run

ATTACHMENTS = "likeness_attachments"
RUN = "likeness_run"
_KEY = "likeness"
TOGETHER = ({FLUX.name, REFERENCES.name},)
"""Kinds of branches that one model can have at once: they act in different places of it."""


def attach(model: ModelPatcher, *added: Effect) -> ModelPatcher:
    """A clone of `model` with further attachments; `model` itself stays as it is."""
    return with_attachments(model, (*attachments(model), *added))


def attachments(model: ModelPatcher) -> tuple[Effect, ...]:
    """What is attached to a model."""
    return model.model_options.get("transformer_options", {}).get(ATTACHMENTS, ())


def with_attachments(model: ModelPatcher, attached: tuple[Effect, ...]) -> ModelPatcher:
    """A clone of `model` with exactly these attachments. Raises ValueError where they are for models of different kinds."""
    kinds = {each.kind for each in attached}
    if len(kinds) > 1 and kinds not in TOGETHER:
        raise ValueError(f"branches of {' and '.join(sorted(kinds))} cannot be on one model.")
    steered = model.clone()
    # A tuple: the host copies dictionaries and lists of options, and joins lists, but hands other values on.
    steered.model_options.setdefault("transformer_options", {})[ATTACHMENTS] = attached
    beside = {id(model): model for each in attached for model in each.models}
    steered.remove_additional_models(_KEY)
    if beside:
        steered.set_additional_models(_KEY, list(beside.values()))
    for kind, wrapper in _WRAPPERS:
        if not get_wrappers_with_key(kind, _KEY, steered.model_options, is_model_options=True):
            add_wrapper_with_key(kind, _KEY, wrapper, steered.model_options, is_model_options=True)
    return steered


def _sample(
    executor: Callable[..., Tensor],
    guider: Any,
    sigmas: Tensor,
    extra_args: dict[str, Any],
    callback: Any,
    noise: Tensor,
    *rest: Any,
) -> Tensor:
    """Around a whole sampling run: its state is made before and released after, whatever happens."""
    options = extra_args["model_options"]["transformer_options"]
    model = guider.inner_model
    tell_apart(guider.conds)
    run = Run(
        options[ATTACHMENTS],
        model.model_sampling,
        Conditionings.of(guider.conds, (noise.shape[-2], noise.shape[-1]), len(noise)),
    )
    options[RUN] = run
    if samples_again():
        run.tell_of_masks()
    try:
        made = executor(guider, sigmas, extra_args, callback, noise, *rest)
        run.tell_what_never_acted(sigmas, extra_args["model_options"], guider.model_patcher)
        return made
    finally:
        options.pop(RUN, None)
        run.release()


def _calc(
    executor: Callable[..., Any],
    model: Any,
    conds: Any,
    x_in: Tensor,
    timestep: Tensor,
    model_options: Mapping[str, Any],
) -> Any:
    """Around the calls of one step: they see the latent that their rows are cut from, so that parts of it are found."""
    options = {**model_options.get("transformer_options", {}), WHOLE: x_in}
    return executor(model, conds, x_in, timestep, {**model_options, "transformer_options": options})


def _apply(  # noqa: PLR0913  the host's signature
    executor: Any,
    x: Tensor,
    t: Tensor,
    c_concat: Any,
    c_crossattn: Any,
    control: Any,
    transformer_options: dict[str, Any],
    **kwargs: Any,
) -> Tensor:
    """Around one call of the model: nothing is touched unless a branch acts in it."""
    run: Run | None = transformer_options.get(RUN)
    passing = run
    if passing is None:
        # The caller samples by itself, past the host's sampler: this call is a run of its own.
        sampling = executor.class_obj.model_sampling
        passing = Run(transformer_options[ATTACHMENTS], sampling, Conditionings({}, {}))
    try:
        acting = passing.acting(_sigma(transformer_options, t) if passing.needs_sigma else None)
        if not acting:
            return executor(x, t, c_concat, c_crossattn, control, _without_ours(transformer_options), **kwargs)
        given = Given(x, transformer_options, c_crossattn, kwargs, executor.class_obj, t)
        calls, given = _calls(passing, acting, given)
        steered = _without_ours(transformer_options)
        for call in calls.values():
            steered |= call.into(steered)
        with own_graphs(transformer_options, frozenset(calls)):
            made = executor(x, t, c_concat, given.text, control, steered, **given.extra)
        if not all(call.is_complete for call in calls.values()):
            passing.left_out(acting, None, 0, next(iter(calls.values())).rows.count)
        return made
    finally:
        if run is None:
            passing.release()


def _sigma(options: Mapping[str, Any], t: Tensor) -> float:
    return float(options.get("sigmas", t)[0])


def _calls(run: Run, acting: tuple[Acting, ...], given: Given) -> tuple[Mapping[str, AnyCall], Given]:
    """What the layers of one call need to know, by kind of branch, and what the model is given; the branches are told of
    what nobody can know."""
    rows = rows_of_call(run.conditionings, given)
    run.tell_of_rows(acting, rows)
    calls: dict[str, AnyCall] = {}
    for kind, entry in ENTRIES.items():
        mine = tuple(one for one in acting if run.branches[one.branch].attachment.kind == kind)
        if mine:
            given = entry.given(run, rows, mine, given)
            calls[kind] = entry.call(run, rows, mine, given)
    return calls, given


_WRAPPERS = (
    (WrappersMP.SAMPLER_SAMPLE, _sample),
    (WrappersMP.CALC_COND_BATCH, _calc),
    (WrappersMP.APPLY_MODEL, _apply),
)


def _without_ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without what the layers have no use for: compiled code asks a later call for every key it has seen."""
    return {key: value for key, value in options.items() if key not in (ATTACHMENTS, RUN, WHOLE)}
