"""How a training goes, on its node: while it runs, when a person stops it, when it goes on, and after a reload."""

import pytest
from serving.patience import until

from .frontend import RENDERERS
from .readable import TEXTS, faint, faults
from .test_alone import values

STEPS = 500
ROW = ".likeness-training"
# What a person sees of the row: its parts only where nothing lies over them.
SEEN = """() => {
    const row = document.querySelector('.likeness-training')
    if (!row) return null
    const isSeen = one => {
        const { left, top, width, height } = one.getBoundingClientRect()
        return width > 4 && height > 2 && row.contains(document.elementFromPoint(left + width / 2, top + height / 2))
    }
    const look = row.querySelector('.likeness-looks img')
    return {
        figures: row.querySelector('.likeness-figures').innerText,
        said: row.querySelector('.likeness-foot p').innerText,
        share: row.querySelector('.likeness-progress > div').getBoundingClientRect().width
            / row.querySelector('.likeness-progress').getBoundingClientRect().width,
        points: isSeen(row.querySelector('.likeness-curve')) && row.querySelector('.likeness-loss').getAttribute('d').split('L').length,
        looks: look?.naturalWidth > 0 && isSeen(look) ? [...row.querySelectorAll('.likeness-looks a')].map(one => one.innerText) : [],
        stop: isSeen(row.querySelector('.likeness-foot button'))
    }
}"""


def training(frontend, name, steps):
    """A training of the smallest model on one grey picture; the node."""
    model, encoder, picture = (
        frontend.add(kind, (0, 260 * i))
        for i, kind in enumerate(("MiniatureModel", "MiniatureCLIPVision", "EmptyImage"))
    )
    train = frontend.add("LikenessTrainIPAdapter", (400, 0))
    for output, wanted in enumerate(("model", "clip", "vae")):
        frontend.connect(model, output, train, wanted)
    frontend.connect(encoder, 0, train, "clip_vision")
    frontend.connect(picture, 0, train, "images")
    small = {"width": 64, "height": 64}
    recipe = {"name": name, "steps": steps, "batch_size": 1, "bucket_side": 64, "look_every": 2, "precision": "fp32"}
    fixed = {"control_after_generate": "fixed"}
    for node, settings in ((model, fixed), (encoder, fixed), (picture, small), (train, recipe)):
        for widget, value in settings.items():
            frontend.change(node, widget, value)
    return train


def seen(page, **wanted):
    """The row, when what is seen of it is as wanted."""

    def found():
        row = page.evaluate(SEEN)
        return row if row and all(is_so(row[name]) for name, is_so in wanted.items()) else None

    return until(found, f"a row with {', '.join(wanted)}", pause=lambda: page.wait_for_timeout(100))


def look(frontend, train):
    """Bring the whole node into sight, which its row has made higher."""
    frontend.page.locator(ROW).wait_for()
    frontend.show(train)


def check_it_can_be_read(frontend):
    for palette in ("light", "dark"):
        frontend.setting("Comfy.ColorPalette", palette)
        assert len(frontend.page.evaluate(TEXTS)) > 4
        assert not faint(frontend.page)
        frontend.picture(f"training row {palette} {frontend.setting_of('Comfy.VueNodes.Enabled')}")
    assert not faults(frontend.page)


def check_nothing_is_saved(frontend, train, before, prompt):
    after = frontend.workflow()
    assert values(after) == values(before) and frontend.prompt() == prompt
    assert [n["size"] for n in after["nodes"]] == [n["size"] for n in before["nodes"]]
    frontend.load(before)  # every node anew, as another tab makes them
    frontend.show(train)
    look(frontend, train)
    seen(frontend.page, stop=bool)


def stopped_by_the_keys(frontend, name):
    """How many steps were done when the row said what is kept."""
    frontend.page.locator(f"{ROW} .likeness-foot button").focus()
    frontend.page.keyboard.press("Enter")
    row = seen(frontend.page, said=lambda text: text.startswith("Stopped after step"), stop=lambda there: not there)
    done = int(row["said"].split()[3])
    file = f"{name}-step-{done:06}.safetensors"
    assert f"Kept: ipadapter/{file}. Its state is kept too: run it again" in row["said"]
    assert (frontend.api.server.base / "models" / "ipadapter" / file).is_file()
    return done


def check_a_reload_shows_it_again(frontend, train, looks):
    saved = frontend.workflow()
    frontend.open()
    frontend.load(saved)
    frontend.show(train)
    look(frontend, train)
    assert seen(frontend.page, looks=len, said=lambda text: text.startswith("Done"))["looks"] == looks


def told(frontend, node, **how):
    """What the server tells of a training, as far as it came."""
    course = {
        "done": 0,
        "of": 0,
        "loss": None,
        "curve": [],
        "looks": [],
        "files": [],
        "resumable": True,
        "planned": 1000,
    }
    detail = {"node": node, "name": "my-adapter", **course, **how}
    frontend.page.evaluate("detail => comfyAPI.api.api.dispatchCustomEvent('likeness.training', detail)", detail)
    return frontend.page.evaluate(SEEN)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_how_long_it_may_take_is_said_before_the_first_step(renderer, frontend, page):
    frontend.renderer(renderer)
    node = frontend.add("LikenessTrainIPAdapter")
    frontend.show(node)
    row = told(frontend, node, phase="preparing", done=4, of=10, pace=2.0)
    assert row["figures"] == "Encoding the pictures, 4 of 10 · 12 s left"
    assert row["said"] == "Then 1000 steps. How long they take is known after the first ones."
    row = told(frontend, node, phase="training", of=1000, pace=None, former=0.62)
    assert "1000 steps: about 10 min, if a step takes as long as in the last training here (0.62 s)" in row["said"]
    frontend.show(node)
    frontend.picture(f"training row before its first step {renderer}", node)
    row = told(frontend, node, phase="stopped", of=1000, pace=None)
    assert row["said"] == "Stopped before the first step. Nothing was trained, so nothing is kept."


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_training_is_watched_stopped_kept_and_gone_on_with(renderer, frontend, page):
    frontend.renderer(renderer)
    name = f"row-{renderer.replace(' ', '-')}"
    train = training(frontend, name, STEPS)
    frontend.show(train)
    frontend.remember()
    before, prompt = frontend.workflow(), frontend.prompt()
    with page.expect_response("**/api/prompt") as answer:
        frontend.command("Comfy.QueuePrompt")

    look(frontend, train)
    row = seen(page, points=lambda n: n and n > 3, looks=len, stop=bool, figures=lambda text: " left" in text)
    assert row["figures"].startswith("Step ") and f"of {STEPS}" in row["figures"] and "loss 0." in row["figures"]
    assert 0 < row["share"] < 0.9 and row["looks"][0] == "2"
    assert row["said"].endswith("writes what is trained as a file to use; the next run goes on from there.")
    check_it_can_be_read(frontend)
    check_nothing_is_saved(frontend, train, before, prompt)
    done = stopped_by_the_keys(frontend, name)
    assert not frontend.api.wait(answer.value.json()["prompt_id"]).succeeded
    frontend.picture(f"training row stopped {renderer}")
    page.locator(f"{ROW} .likeness-close").click()
    assert not page.locator(ROW).count()

    frontend.change(train, "steps", done + 2)
    assert frontend.queue().succeeded
    look(frontend, train)
    row = seen(page, looks=len, said=lambda text: text == f"Done: ipadapter/{name}.safetensors")
    assert row["share"] == pytest.approx(1, abs=0.01) and row["figures"].startswith(f"Step {done + 2} of {done + 2}")
    assert row["points"] > 3, "the whole course, with the steps of the first run"
    check_a_reload_shows_it_again(frontend, train, row["looks"])
    frontend.picture(f"training row done {renderer}")
    frontend.remove(train)
    until(lambda: not page.locator(ROW).count(), "the row to go with its node")
