"""Region Prompts says whose prompt each line is, in the colour that the person has on every node."""

import pytest
from pack.face.colours import of_person
from serving.patience import until

from .frontend import RENDERERS

NODE = "LikenessRegionPrompts"
# Number, its colour, words and whether all of it is seen on the page, of each line.
LINES = """() => [...document.querySelectorAll('.likeness-lines > div')].map(row => {
    const [number, words] = row.children, { left, top, width, height } = number.getBoundingClientRect()
    return [number.textContent, getComputedStyle(number).backgroundColor, words.textContent,
        document.elementFromPoint(left + width / 2, top + height / 2) === number]
})"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_lines_have_the_numbers_and_colours_of_their_people(renderer, frontend, page):
    frontend.renderer(renderer)
    node = frontend.add(NODE)
    frontend.show(node)
    text = page.locator("textarea").first
    text.click()
    text.fill("a red jacket\n\na straw hat\n")
    colours = [f"rgb({', '.join(map(str, of_person(place)))})" for place in range(3)]
    words = ["a red jacket", "as the whole picture", "a straw hat"]
    wanted = [[str(i + 1), colours[i], words[i], True] for i in range(3)]
    until(lambda: page.evaluate(LINES) == wanted, "three lines")
    frontend.picture(f"prompt lines {renderer}", node)
    saved = frontend.workflow()
    assert saved["nodes"][0]["widgets_values"] == ["a red jacket\n\na straw hat\n", 0.3]
    frontend.load(saved)
    until(lambda: page.evaluate(LINES) == wanted, "the same after loading")
    source = frontend.add("PrimitiveStringMultiline", (600, 100))
    frontend.connect(source, 0, node, "prompts")
    until(lambda: page.locator(".likeness-lines").inner_text() == "Set by a connected node.", "that it is connected")
