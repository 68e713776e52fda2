"""Whether what our editors show can be read: contrast of every text, and what axe-core finds in their DOM."""

from serving.fixtures import DATA

from .colours import contrast, hex_of

READABLE = 4.5
AXE = DATA / "axe" / "axe.min.js"
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
# Serious and critical faults: rule, and where. Contrast is looked at above: axe knows neither SVG nor a canvas below.
FAULTS = """async () => {
    const options = { resultTypes: ['violations'], rules: { 'color-contrast': { enabled: false } } }
    const { violations } = await axe.run({ include: [['.likeness-editor']] }, options)
    const isGrave = ({ impact }) => ['serious', 'critical'].includes(impact)
    return violations.filter(isGrave).flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html]))
}"""


def faint(page):
    """Texts of our editors under 4.5:1, each with its colour and what is behind it."""
    return [
        (text, hex_of(ink), hex_of(ground))
        for text, ink, ground in page.evaluate(TEXTS)
        if contrast(ink, ground) < READABLE and text != "\N{MULTIPLICATION SIGN}"  # an icon
    ]


def faults(page):
    """What axe-core finds that keeps people out."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(FAULTS)
