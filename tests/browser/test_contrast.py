"""Every text of our editors can be read: 4.5:1 against what is behind it, on dark and on light ground."""

import pytest
from serving.patience import until

from .colours import contrast, hex_of
from .frontend import RENDERERS
from .test_messages import fail_with, template

READABLE = 4.5
FACES = {
    "likeness_faces": [
        [
            {
                "size": [200, 200],
                "file": {"filename": "example.png", "type": "input"},
                "faces": [{"box": [20, 40, 80, 120], "score": 0.9}, {"box": [110, 40, 180, 120], "score": 0.8}],
                "chosen": [0],
            }
        ]
    ],
    "likeness_badges": [["2 faces", "at 640"]],
}
# Every text that is seen, with its colour and what is behind it, each as the levels that the browser makes of it.
TEXTS = """() => {
    const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
    const over = (...colours) => {
        for (const colour of colours) {
            pen.fillStyle = colour
            pen.fillRect(0, 0, 1, 1)
        }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3)
    }
    const isClear = colour => colour === 'none' || colour === 'transparent' || /[,/] ?0\\)$/.test(colour)
    const within = (inner, outer) => {
        const [a, b] = [inner, outer].map(one => one.getBoundingClientRect())
        const [x, y] = [a.x + a.width / 2, a.y + a.height / 2]
        return x > b.left && x < b.right && y > b.top && y < b.bottom
    }
    const behind = element => {
        const grounds = []
        // In the classic renderer the node is drawn on the canvas below the panel.
        const end = element.closest('.lg-node') ? null : element.closest('.likeness-editor').parentElement
        for (let at = element; at && at !== end; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor)
        const label = element.previousElementSibling
        if (label?.tagName === 'rect' && !isClear(getComputedStyle(label).fill) && within(element, label))
            grounds.push(getComputedStyle(label).fill)
        const { stroke } = getComputedStyle(element)
        if (element.tagName === 'text' && !isClear(stroke)) grounds.push(stroke)
        return [LiteGraph.NODE_DEFAULT_BGCOLOR, ...grounds]
    }
    const hasText = element => [...element.childNodes].some(child => child.nodeType === 3 && child.data.trim())
    const isSeen = element => element.checkVisibility() && !element.closest(':disabled, [aria-disabled=true], select, style')
        && !['title', 'STYLE', 'OPTION'].includes(element.tagName)
    return [...document.querySelectorAll('.likeness-editor *')].filter(one => hasText(one) && isSeen(one)).map(one => {
        const style = getComputedStyle(one), grounds = behind(one)
        const ink = one.tagName === 'text' ? style.fill : style.color
        return [one.textContent, over(...grounds, ink), over(...grounds)]
    })
}"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_every_text_of_the_editors_can_be_read(renderer, palette, frontend, page, example_photo):
    frontend.renderer(renderer)
    kinds = ("LayerWeights", "WeightSchedule", "RenderKeypoints", "FindFaces", "ChooseFace", "LayerWeights")
    layers, *_, finds, chooses, wrong = (frontend.add(f"Likeness{kind}", (560 * i, 0)) for i, kind in enumerate(kinds))
    page.evaluate(
        """([nodes, said]) => nodes.forEach(id => {
            app.nodeOutputs[id] = said
            app.graph.getNodeById(id).onExecuted({})
        })""",
        [[finds, chooses], FACES],
    )
    frontend.change(layers, "family", "sdxl")
    frontend.change(chooses, "rule", "as numbered")
    frontend.change(wrong, "weights", "3:lots")
    frontend.connect(finds, 0, chooses, "faces")
    fail_with(frontend, chooses, template("no_face").format(picture="picture 1 of 1"))
    frontend.show()
    wanted = {
        "Lower the threshold to 0.3",
        "composition",
        "style",
        "100%",
        "2 faces",
        "1",
        "Face 1 is chosen. Ctrl+click adds another.",
    }
    until(lambda: wanted <= {text for text, *_ in page.evaluate(TEXTS)}, "every editor is drawn")
    page.get_by_text("is not a layer weight").wait_for()
    frontend.picture(f"texts {renderer} {palette}")
    faint = [
        (text, hex_of(ink), hex_of(ground))
        for text, ink, ground in page.evaluate(TEXTS)
        if contrast(ink, ground) < READABLE
    ]
    assert not faint
