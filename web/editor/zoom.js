// What of a drawing is seen: once it has the focus the wheel zooms it about the pointer, and a drag on its ground moves it while it is zoomed.

import { on } from './letgo.js'
import { follow, pointAt, unitsPerPixel } from './svg.js'

const NOTCH = 1.25 // of the wheel
const CLOSEST = 16

export class Zoom {
  // wholeOf() -> [left, top, width, height] of everything; changed() draws anew.
  constructor(svg, wholeOf, changed) {
    this.svg = svg
    this.wholeOf = wholeOf
    this.changed = changed
    this.factor = 1
    this.view = wholeOf()
    svg.setAttribute('tabindex', -1) // a click on the ground brings the focus
    svg.dataset.captureWheel = 'true' // Nodes 2.0 leaves the wheel to what has the focus, as here
    on(svg, 'wheel', (event) => this.wheel(event))
  }

  // Before it is drawn: of another whole all is seen.
  follow() {
    const whole = this.wholeOf()
    if (String(whole) !== this.seen) [this.seen, this.factor, this.view] = [String(whole), 1, whole]
    return this.view
  }

  // One pixel of the page in the drawing's units.
  get unit() {
    const [, , width, height] = this.view
    const scale = Math.min(this.svg.clientWidth / width, this.svg.clientHeight / height)
    return scale > 0 ? 1 / scale : unitsPerPixel(this.svg)
  }

  // As far out as it goes, the wheel is the graph's again.
  wheel(event) {
    if (event.ctrlKey || !this.seen || !this.svg.contains(document.activeElement)) return
    const factor = Math.min(Math.max(this.factor * (event.deltaY < 0 ? NOTCH : 1 / NOTCH), 1), CLOSEST)
    if (factor === this.factor) return
    event.preventDefault()
    event.stopPropagation()
    const [x, y] = pointAt(this.svg, event)
    const [left, top, width, height] = this.view
    const share = this.factor / factor
    this.look(x - (x - left) * share, y - (y - top) * share, width * share, height * share)
    this.factor = factor
    this.changed()
  }

  // Never beyond the whole.
  look(left, top, width, height) {
    const [x, y, whole, high] = this.wholeOf()
    const within = (value, from, room) => Math.min(Math.max(value, from), from + Math.max(room, 0))
    this.view = [within(left, x, whole - width), within(top, y, high - height), width, height]
  }

  pan(event) {
    if (this.factor === 1) return
    let last = [event.clientX, event.clientY]
    const move = (next) => {
      const { a } = this.svg.getScreenCTM()
      const [left, top, width, height] = this.view
      this.look(left - (next.clientX - last[0]) / a, top - (next.clientY - last[1]) / a, width, height)
      last = [next.clientX, next.clientY]
      this.changed()
    }
    follow(this.svg, event, move, () => {})
  }
}
