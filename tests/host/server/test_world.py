"""The demonstration's pictures on the real server: a reference acts, at weight 0 it does not."""

import io

from PIL import Image

from runner.demo.nodes import SAVE
from runner.demo.world.cells import CELLS
from runner.demo.world.prompts import prompt_for

BY_NAME = {cell.name: cell for cell in CELLS}


def drawn(api, name):
    entry = api.run(prompt_for(BY_NAME[name]))
    assert entry.succeeded, entry.error
    return entry


def pixels(entry):
    return Image.open(io.BytesIO(entry.picture(SAVE))).convert("RGB").tobytes()


def test_a_reference_acts_and_at_weight_0_changes_no_bit(api):
    plain, zero, full = (pixels(drawn(api, name)) for name in ("plain", "A-0", "A-1"))
    assert zero == plain and full != plain
