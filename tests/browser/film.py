"""A short film of the page: what a person does with the mouse, frame by frame, as a looping picture."""

import io
from itertools import groupby

from PIL import Image

MOST = 3_000_000
"""Bytes of a film that a page may carry."""
# The pointer is not in a screenshot, so one is drawn where the mouse is; a ring opens while a button is held.
POINTER = """() => {
    const pointer = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
    pointer.setAttribute('style', 'position: fixed; left: 0; top: 0; width: 48px; height: 48px; z-index: 2147483647; pointer-events: none')
    pointer.innerHTML = '<circle cx="8" cy="6" r="13" fill="none" stroke="#ffd23f" stroke-width="3" visibility="hidden"/>'
        + '<path d="M8 6v22l5-5 4 9 4-2-4-9h7z" fill="#fff" stroke="#111" stroke-width="1.5"/>'
    document.body.append(pointer)
    const follow = ({ clientX, clientY, buttons }) => {
        pointer.style.transform = `translate(${clientX - 8}px, ${clientY - 6}px)`
        pointer.firstChild.setAttribute('visibility', buttons ? 'visible' : 'hidden')
    }
    for (const kind of ['pointermove', 'pointerdown', 'pointerup']) window.addEventListener(kind, follow, true)
}"""


class Film:
    """Frames of a part of the window, `width` pixels wide in the end; every action of the mouse is filmed."""

    def __init__(self, frontend, clip, width):
        self.frontend, self.page = frontend, frontend.page
        self.clip, self.size = clip, (width, round(clip["height"] * width / clip["width"]))
        self.frames = []
        self.at = (clip["x"] + clip["width"] / 2, clip["y"] + clip["height"] / 2)
        self.page.evaluate(POINTER)
        self.page.mouse.move(*self.at)

    def shot(self, milliseconds):
        """The page as it is, shown for so long."""
        self.frontend.settle()
        picture = Image.open(io.BytesIO(self.page.screenshot(clip=self.clip))).convert("RGB")
        self.frames.append((picture.resize(self.size, Image.LANCZOS), milliseconds))

    def look_at(self, clip):
        """Film another part of the window: of that its lower end, in the shape of the first."""
        width, height = self.size
        high = clip["width"] * height / width
        self.clip = {**clip, "y": clip["y"] + clip["height"] - high, "height": high}

    def move(self, end, steps=6):
        """Go to a place of the window."""
        (x, y), self.at = self.at, end
        for step in range(1, steps + 1):
            share = (1 - (1 - step / steps) ** 2) if steps > 1 else 1
            self.page.mouse.move(x + (end[0] - x) * share, y + (end[1] - y) * share)
            self.shot(60)

    def press(self):
        self.page.mouse.down()
        self.shot(160)

    def release(self):
        self.page.mouse.up()
        self.shot(160)

    def click(self, end):
        self.move(end)
        self.press()
        self.release()

    def save(self, path, quality=60):
        """Write it as a WebP that begins anew at its end; raises ValueError when it is too large for a page."""
        shown = [list(same) for _, same in groupby(self.frames, key=lambda frame: frame[0].tobytes())]
        pictures, times = [same[0][0] for same in shown], [sum(time for _, time in same) for same in shown]
        options = {"save_all": True, "append_images": pictures[1:], "duration": times, "loop": 0}
        pictures[0].save(path, quality=quality, method=4, minimize_size=True, allow_mixed=True, **options)
        if path.stat().st_size > MOST:
            raise ValueError(f"{path} has {path.stat().st_size:,} bytes; at most {MOST:,} are wanted.")


def middle(locator, right=0.5, down=0.5):
    """A place in what is seen of an element, by shares of its width and height."""
    box = locator.bounding_box()
    return box["x"] + right * box["width"], box["y"] + down * box["height"]
