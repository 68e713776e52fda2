"""The real ComfyUI with the pack: it starts, lists the nodes, runs workflows, and runs again only what changed."""

import ast
import re
from pathlib import Path

import pytest
from serving.patience import until

ROOT = Path(__file__).resolve().parents[3]
OURS = re.compile(r"likeness", re.IGNORECASE)


def our_node_ids():
    for path in (ROOT / "nodes" / "forms").glob("*.py"):
        for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(found, ast.keyword) and found.arg == "node_id" and isinstance(found.value, ast.Constant):
                yield found.value.value


def test_every_node_is_there_with_a_tooltip_on_every_input(api):
    info = api.json("/object_info")
    ids = set(our_node_ids())
    assert len(ids) >= 26
    assert ids <= set(info)
    for name in ids:
        inputs = {**info[name]["input"].get("required", {}), **info[name]["input"].get("optional", {})}
        lacking = [key for key, spec in inputs.items() if not (len(spec) > 1 and spec[1].get("tooltip"))]
        assert not lacking, f"{name}: {lacking}"
        assert info[name]["category"].startswith("likeness")
        assert info[name]["description"]


def test_the_log_of_the_start_has_no_complaint_of_ours(server):
    lines = server.started.splitlines()
    assert any("custom_nodes" in line for line in lines)
    bad = [line for line in lines if OURS.search(line) and re.search(r"warn|error|fail|traceback", line, re.IGNORECASE)]
    assert not bad
    assert not [line for line in lines if "IMPORT FAILED" in line]


def test_the_frontend_gets_our_pages(api):
    extensions = api.json("/extensions")
    assert not [path for path in extensions if "likeness" in path.lower() and "/tests/" in path]


@pytest.mark.parametrize(("family", "variant", "kind"), [("sd15", "base", "vit_h"), ("sdxl", "base", "vit_bigg")])
def test_a_workflow_runs_runs_from_cache_and_runs_again_only_what_changed(api, prompt, family, variant, kind):
    def graph(**changes):
        # A weight of its own: other tests on this server may have run the same graph before.
        return prompt(family, variant, kind, **{"steer__weight": 0.83, **changes})

    first = api.run(graph(sampler__seed=50))
    assert first.succeeded, first.error
    assert not {"sampler", "steer"} & first.cached

    again = api.run(graph(sampler__seed=50))
    assert again.succeeded
    assert again.cached >= {"model", "adapter", "reference", "steer", "sampler", "decode"}

    weaker = api.run(graph(sampler__seed=50, steer__weight=0.0))
    assert weaker.succeeded
    assert weaker.cached >= {"model", "encoder", "adapter", "reference", "positive", "negative"}
    assert not {"steer", "sampler", "decode", "save"} & weaker.cached
    assert pixels(weaker.picture()) != pixels(first.picture())

    reseeded = api.run(graph(sampler__seed=51))
    assert reseeded.cached >= {"adapter", "reference"}
    assert not {"sampler"} & reseeded.cached


def test_the_loader_says_what_the_file_is(api, prompt):
    entry = api.run(prompt(sampler__seed=60))
    assert "IP-Adapter for SD1.5" in entry.text("adapter")
    assert "keys and shapes" in entry.text("adapter")


def test_weight_zero_is_the_plain_picture(api, prompt):
    zero = api.run(prompt(sampler__seed=70, steer__weight=0.0))
    plain = prompt(sampler__seed=70)
    plain["sampler"]["inputs"]["model"] = ["model", 0]
    for name in ("steer", "reference", "adapter", "encoder", "photo"):
        del plain[name]
    assert pixels(zero.picture()) == pixels(api.run(plain).picture())
    assert pixels(zero.picture()) != pixels(api.run(prompt(sampler__seed=70)).picture())


def pixels(png):
    """The picture without the workflow that the host writes into the file."""
    import io

    from PIL import Image

    return Image.open(io.BytesIO(png)).tobytes()


def test_an_error_names_the_node_and_the_next_prompt_runs(api, prompt):
    broken = api.run(prompt("sd15", "plus", adapter__file="miniature/sdxl_base.safetensors", encoder__kind="vit_bigg"))
    assert not broken.succeeded
    assert broken.error["node_type"] == "LikenessApplyIPAdapter"
    assert "the connected model is SD1.5" in broken.error["exception_message"]
    assert api.run(prompt(sampler__seed=80)).succeeded


def test_an_interrupt_leaves_the_next_prompt_right(api, prompt):
    import threading

    whole = api.run(prompt(sampler__seed=90)).picture()
    long = prompt(sampler__seed=91, sampler__steps=400)
    stopped = []
    waiting = threading.Thread(target=lambda: stopped.append(api.run(long)))
    waiting.start()
    until(lambda: api.post("/interrupt", {}) and stopped, "the end of an interrupted prompt")
    waiting.join()
    assert "execution_interrupted" in stopped[0].messages
    again = api.run(prompt(sampler__seed=90, save__filename_prefix="again")).picture()
    assert pixels(again) == pixels(whole)
    changed_back = api.run(prompt(sampler__seed=90, sampler__steps=2, positive__text="a red cat ")).succeeded
    assert changed_back
