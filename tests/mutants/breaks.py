"""Breaks of the product, one for each law and promise, and the tests that must notice it."""

from dataclasses import dataclass

LAWS = "tests/host/test_laws.py"
COMPOSITION = "tests/host/composition"
TRUST = "tests/unit/trust"


@dataclass(frozen=True)
class Break:
    """One claim, the change of a file of the pack that breaks it, and where pytest must find a red test.

    `before` occurs once in the file; `tests` are arguments for pytest.
    """

    claim: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


BREAKS = (
    Break(
        "a branch of weight 0 hands the call on untouched",
        "attention/sampling/run.py",
        "acting = sorted((a for a in attachments if a.ever_acts), ",
        "acting = sorted(attachments, ",
        (LAWS, "-k", "acts_nowhere"),
    ),
    Break(
        "steps outside the range are untouched",
        "attention/sampling/run.py",
        "if not branch.sigma_end <= sigma <= branch.sigma_start:",
        "if sigma < 0:",
        (LAWS, "-k", "outside_the_range"),
    ),
    Break(
        "every cross-attention is reached, the middle block too",
        "attention/sampling/dispatch.py",
        "blocks = {block for attachment in acting for block in attachment.blocks}",
        'blocks = {block for attachment in acting for block in attachment.blocks if block[0] != "middle"}',
        (LAWS, "-k", "every_place"),
    ),
    Break(
        "a full memory is the host's to hear of, not a fault of the fused kernel",
        "attention/sampling/fused.py",
        "raise_if_full(error)",
        "raise_if_full(ValueError())",
        ("tests/host/engine/test_fused.py", "-k", "full_memory"),
    ),
    Break(
        "InfiniteYou's net is told guidance 1, whatever the model is told",
        "attention/identitynet/infusenet.py",
        "GUIDANCE = 1.0",
        "GUIDANCE = 3.5",
        ("tests/parity/test_infinite_you.py", "-k", "step_of_the_reference"),
    ),
    Break(
        "InfiniteYou's net adds nothing to the negative half",
        "attention/identitynet/net.py",
        "self.negative is None and chunk.polarity",
        "self.negative is not None and chunk.polarity",
        ("tests/parity/test_infinite_you.py", "-k", "step_of_the_reference"),
    ),
    Break(
        "in FLUX the picture's own tokens ask, not the text's",
        "attention/sampling/joint.py",
        "own = q[:, :, first - lead : last]",
        "own = q[:, :, : last - first + lead]",
        ("tests/parity/test_flux.py", "-k", "step_agrees"),
    ),
    Break(
        "in FLUX a mask reaches no token of another picture",
        "attention/sampling/run.py",
        "(0, 0, 0, site.rest)",
        "(0, 0, 0, site.rest), value=1.0",
        ("tests/host/flux/test_flux.py", "-k", "reference_latents"),
    ),
    Break(
        "of an image branch only the blocks that change are touched",
        "attention/sampling/own_branch.py",
        "if not self.on_rows.leaves(block)}",
        "if block}",
        ("tests/host/wan/test_laws.py", "-k", "only_blocks_that_change"),
    ),
    Break(
        "what is scaled of a block is its attention to the picture",
        "attention/sampling/own_branch.py",
        "_ITSELF, _PICTURE = 0, 1",
        "_ITSELF, _PICTURE = 0, 2",
        ("tests/host/wan/test_exact.py", "-k", "weight_1_is_the_host"),
    ),
    Break(
        "the order of adapters changes no bit",
        "attention/sampling/run.py",
        "key=lambda a: a.order)",
        "key=lambda a: 0)",
        (LAWS, "-k", "order_of_two_adapters"),
    ),
    Break(
        "every branch reads the same base, never a running sum",
        "attention/sampling/layer.py",
        "out = branch.add_to(out, base, q)",
        "out = branch.add_to(out, out, q)",
        ("tests/host/engine/test_fusion.py", f"{COMPOSITION}/test_several_adapters.py"),
    ),
    Break(
        "another pack's replacement acts with ours",
        "attention/sampling/dispatch.py",
        "return self.replaced.get(block) or self.replaced.get(block[:2]) or _host_attention",
        "return _host_attention",
        (LAWS, "-k", "foreign_replacement"),
    ),
    Break(
        "applying to a clone never changes the model it was cloned from",
        "attention/sampling/attach.py",
        "steered = model.clone()",
        "steered = model",
        (LAWS, "-k", "do_not_meet"),
    ),
    Break(
        "the negative half of guidance gets the reference's unconditional tokens",
        "attention/sampling/acting.py",
        "cast(Source, attachment.positive), cast(Source, attachment.negative)",
        "cast(Source, attachment.positive), cast(Source, attachment.positive)",
        ("tests/parity/test_steps.py",),
    ),
    Break(
        "SD3.5's branch asks with the adapter's norms, not the model's",
        "attention/branch/norm_ratios.py",
        "return wanted / has",
        "return wanted / wanted",
        ("tests/parity/test_sd3.py",),
    ),
    Break(
        "SD3.5's reference is read at the noise level of the step",
        "attention/sampling/run.py",
        "(number, time, device)",
        "(number, device)",
        ("tests/host/sd3/test_sd3.py",),
    ),
    Break(
        "the unconditional of plus adapters is a tensor of zeros, before the encoder",
        "attention/reference/encode.py",
        "torch.zeros(1, 3, side, side)",
        "torch.full((1, 3, side, side), -1.0)",
        ("tests/parity/test_steps.py", "tests/parity/test_encoders.py"),
    ),
    Break(
        "each layer has its own weights of the adapter",
        "attention/adapter/layouts.py",
        "return list(range(1, 2 * count, 2))",
        "return list(range(1, 2 * count, 2))[::-1]",
        ("tests/parity/test_layers.py",),
    ),
    Break(
        "FaceID's LoRA is added at the authors' strength",
        "attention/adapter/lora.py",
        "patched.add_patches(loaded, strength)",
        "patched.add_patches(loaded, strength / 2)",
        ("tests/parity/test_lora.py",),
    ),
    Break(
        "noise comes from its seed alone",
        "attention/reference/noise.py",
        'generator = Generator("cpu").manual_seed(seed)',
        'generator = Generator("cpu")\n    generator.seed()',
        ("tests/unit/test_noise.py",),
    ),
    Break(
        "nothing of a run stays after it",
        "attention/sampling/attach.py",
        "        options.pop(RUN, None)\n        run.release()",
        "        pass",
        (LAWS, "tests/host/trust/test_faults.py"),
    ),
    Break(
        "a run in which a branch acted nowhere says so",
        "attention/sampling/attach.py",
        '        run.tell_what_never_acted(sigmas, extra_args["model_options"], guider.model_patcher)\n',
        "",
        (f"{COMPOSITION}/test_neighbours.py",),
    ),
    Break(
        "a picture without the chosen face is named",
        "face/choose.py",
        "missing_face(entry.picture.name, ",
        'missing_face("a picture", ',
        ("tests/unit/face/test_choose.py",),
    ),
    Break(
        "a tile's mask is cut at the tile's place",
        "attention/sampling/call.py",
        "return Area(height, width, *found[0], (rows, columns))",
        "return Area(height, width, 0, 0, (rows, columns))",
        ("tests/unit/test_call_rows.py", f"{COMPOSITION}/test_layouts.py"),
    ),
    Break(
        "a window of frames gets the references of its frames",
        "attention/sampling/call.py",
        "        return frames\n    animated",
        "        return tuple(range(len(frames)))\n    animated",
        ("tests/unit/test_call_rows.py", f"{COMPOSITION}/test_batches_and_windows.py"),
    ),
    Break(
        "positive and negative rows are told by their conditioning, not by their place",
        "attention/sampling/rows.py",
        "polarity = by_index if len(polarities) != 1 else polarities.pop()",
        "polarity = by_index",
        ("tests/unit/test_rows.py", f"{COMPOSITION}/test_guiders.py"),
    ),
    Break(
        "an area's rows get the area's part of the mask",
        "attention/sampling/rows.py",
        "area = self.areas.get(uuid) if uuid else None",
        "area = None",
        ("tests/unit/test_rows.py", f"{COMPOSITION}/test_conditionings.py"),
    ),
    Break(
        "what another clone has put into the shared network decides nothing",
        "attention/models/unet.py",
        'described = inner is shared and config.keys() >= _DESCRIBES and config["use_spatial_transformer"]',
        "described = False",
        ("tests/host/test_this_clone.py",),
    ),
    Break(
        "no file runs code",
        "attention/files/pickle_header.py",
        "return _ALLOWED[module, name]",
        "return _ALLOWED.get((module, name)) or super().find_class(module, name)",
        (TRUST,),
    ),
    Break(
        "a file is there whole or not at all",
        "attention/files/write_whole.py",
        """        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
""",
        """        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
""",
        (f"{TRUST}/test_embeds_files.py",),
    ),
    Break(
        "weights with NaN are refused",
        "attention/files/finite.py",
        "if not bool(torch.isfinite(total)):",
        "if total is None:",
        (TRUST, "tests/unit/test_embeds_file.py"),
    ),
    Break(
        "names stay in their folder",
        "nodes/files/names.py",
        ' or ".." in windows.parts',
        "",
        (TRUST, "tests/host/nodes/test_embeds_nodes.py"),
    ),
    Break(
        "a download is proved by its sha256",
        "nodes/files/download.py",
        "if self.file.size in (None, size) and digest.startswith(self.file.sha256):",
        "if self.file.size in (None, size):",
        ("tests/unit/test_download.py",),
    ),
    Break(
        "a model file is known by its hash, not by its path",
        "nodes/files/fingerprint.py",
        """hashlib.blake2b("\\n".join(states).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()""",
        """"\\n".join(states)""",
        ("tests/host/face/test_face_nodes.py", "tests/host/test_load_by_preset.py", "-k", "fingerprint or opened"),
    ),
    Break(
        "IdentityNet reads the face, and other nets of its chain the text",
        "attention/identitynet/net.py",
        '{**self._told(cond, x_noisy), "crossattn_controlnet": self._context(rows, x_noisy.device, kept)}',
        "self._told(cond, x_noisy)",
        ("tests/parity/test_identitynet.py",),
    ),
    Break(
        "IdentityNet acts inside its mask only",
        "attention/identitynet/net.py",
        "return residual * kept.get(key, lambda: like(self._laid(made(grid)), residual))",
        "return residual",
        ("tests/host/identitynet/test_identitynet.py",),
    ),
    Break(
        "keypoints are drawn pixel for pixel as InstantID was trained on them",
        "face/draw.py",
        "LIMB_BRIGHTNESS = 0.6",
        "LIMB_BRIGHTNESS = 0.61",
        ("tests/unit/face/test_draw.py",),
    ),
    Break(
        "an embedding of another recogniser is refused",
        "face/embed.py",
        "if found == wanted:",
        "if found:",
        ("tests/unit/face/test_embed.py",),
    ),
    Break(
        "nothing is encoded or projected twice",
        "attention/cache.py",
        "for key in keys if key in self._kept}",
        "for key in keys if key in ()}",
        ("tests/unit/test_cache.py",),
    ),
    Break(
        "threads of one run share what the first of them made",
        "attention/sampling/store.py",
        "return self._kept.get(key, made)",
        "return made",
        (f"{TRUST}/test_store.py",),
    ),
    Break(
        "what a run keeps stays within its budget",
        "attention/sampling/store.py",
        "if size_of(made) <= self._budget:",
        "if made is not None:",
        (f"{TRUST}/test_store.py", "tests/host/trust/test_memory.py"),
    ),
    Break(
        "what a mask makes of residuals is on their device",
        "attention/identitynet/net.py",
        "like(self._laid(made(grid)), residual))",
        "self._laid(made(grid)))",
        ("tests/host/devices", "-k", "identitynet"),
    ),
)
