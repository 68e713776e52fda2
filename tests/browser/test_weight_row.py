"""A row of the same picture at several weights, at one press."""

import io
import json

import pytest
from PIL import Image
from serving.patience import until
from serving.substitutes import on_the_miniature

from .frontend import RENDERERS, template
from .readable import faint, faults
from .test_alone import values

TEMPLATE = template("IP-Adapter 1 picture prompt")
# Weight over each picture, and whether it is there and seen.
SHOTS = """() => [...document.querySelectorAll('.likeness-row figure')].map(shot => {
    const picture = shot.querySelector('img'), { left, top, width, height } = picture.getBoundingClientRect()
    return [shot.innerText.trim(), picture.naturalWidth > 0
        && document.elementFromPoint(left + width / 2, top + height / 2) === picture, picture.src]
})"""


@pytest.fixture
def sent(frontend):
    """Every prompt that the page queues, as the server gets it on the miniature."""
    prompts = []

    def rewrite(route):
        body = route.request.post_data_json
        body["prompt"] = on_the_miniature(body["prompt"])
        prompts.append(body["prompt"])
        route.continue_(post_data=body)

    frontend.page.route("**/api/prompt", rewrite)
    yield prompts
    frontend.page.unroute("**/api/prompt", rewrite)


def fetched(page, address):
    return Image.open(io.BytesIO(page.request.get(address).body())).convert("RGB")


def check_only_the_weight_differs(sent):
    assert not any(node["class_type"].startswith("Save") for prompt in sent for node in prompt.values())
    assert len({json.dumps([n for n in prompt.values() if n["class_type"] == "KSampler"]) for prompt in sent}) == 1


def check_saved(page, pictures):
    with page.expect_download() as saved:
        page.locator('.likeness-row [data-focus="download"]').click()
    strip = Image.open(saved.value.path()).convert("RGB")
    width, height = pictures[0].size
    assert strip.width == len(pictures) * width and strip.height > height
    last = strip.crop((strip.width - width, strip.height - height, strip.width, strip.height))
    assert last.tobytes() == pictures[-1].tobytes()


def check_it_can_be_read(frontend, renderer):
    for palette in ("light", "dark"):
        frontend.setting("Comfy.ColorPalette", palette)
        assert not faint(frontend.page)
        frontend.picture(f"row of weights {renderer} {palette}")
    assert not faults(frontend.page)


def pictures_in(page):
    return sum(bool(address) for *_, address in page.evaluate(SHOTS))


def check_a_stop_leaves_nothing(frontend, tried, before):
    """The host's Cancel ends what runs; what waits of the row does not begin, and no empty row is left."""
    page, api = frontend.page, frontend.api
    tried.fill("0.11, 0.22, 0.33, 0.44, 0.55, 0.66")
    tried.press("Enter")
    stopped = page.locator(".likeness-wrong", has_text="it was stopped.")

    def cancel():
        api.post("/interrupt", {})
        page.wait_for_timeout(100)

    until(stopped.count, "the row to say that it was stopped", pause=cancel)
    drawn = pictures_in(page)
    until(lambda: not any(api.json("/queue").values()), "nothing to wait", pause=lambda: page.wait_for_timeout(100))
    assert pictures_in(page) <= drawn + 1 < 6, "at most what began in that moment"
    assert pictures_in(page) or not page.locator(".likeness-row").count()
    assert page.locator('[data-focus="images"]').is_enabled() and values(frontend.workflow()) == values(before)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_row_of_weights_is_drawn_shown_and_saved(renderer, frontend, page, sent, example_photo):
    frontend.renderer(renderer)
    frontend.load(json.loads(TEMPLATE.read_text(encoding="utf-8")))
    ((apply, _),) = ((id, node) for id, node in frontend.nodes().items() if node["kind"] == "LikenessApplyIPAdapter")
    frontend.show(apply)
    before = frontend.workflow()
    tried = page.locator(".likeness-weights")
    assert tried.input_value() == "0, 0.4, 0.7, 1, 1.3"
    tried.fill("0, much")
    page.locator('[data-focus="images"]').click()
    page.get_by_text("'0, much' is not a list").wait_for()
    assert not sent
    tried.fill("0, 0.7, 1.3")
    tried.press("Enter")
    until(lambda: [seen for _, seen, _ in page.evaluate(SHOTS)] == [True] * 3, "every picture")
    weights, _, addresses = zip(*page.evaluate(SHOTS), strict=True)
    assert weights == ("0", "0.7", "1.3")
    assert [prompt[apply]["inputs"]["weight"] for prompt in sent] == [0, 0.7, 1.3]
    check_only_the_weight_differs(sent)
    pictures = [fetched(page, address) for address in addresses]
    assert len({picture.tobytes() for picture in pictures}) == 3
    check_it_can_be_read(frontend, renderer)
    after = frontend.workflow()
    assert values(after) == values(before)
    was, now = (next(n for n in saved["nodes"] if str(n["id"]) == apply) for saved in (before, after))
    assert now["size"] == was["size"], "the row is not saved"

    frontend.show(apply)
    check_saved(page, pictures)
    page.locator(".likeness-row .likeness-close").click()
    assert not page.locator(".likeness-row").count()
    check_a_stop_leaves_nothing(frontend, tried, before)


def test_a_recipe_is_written_out_as_its_weight_would_go_before(frontend, page):
    node = frontend.add("LikenessApplyInstantID")
    sets = "async id => (await import('/extensions/comfyui-likeness/recipes.js')).setBy(app.graph.getNodeById(id))"
    assert page.evaluate(sets, node) == {"recipe": "none"}
    frontend.change(node, "recipe", "stylised")
    written = page.evaluate(sets, node)
    assert written.pop("recipe") == "none" and {"weight", "strength", "fusion", "end_percent"} <= set(written)
    assert written.items() <= frontend.widgets(node).items()
