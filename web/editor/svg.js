// The few marks that editors are drawn with, and where a pointer is on them.

import { on } from './letgo.js'

const SVG = 'http://www.w3.org/2000/svg'

export function mark(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) if (value != null) element.setAttribute(key, value)
  element.append(...children)
  return element
}

// Where a pointer is in the drawing's own units, whatever the zoom of the canvas around it.
export function pointAt(svg, event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse())
  return [x, y]
}

// How many of the drawing's units one pixel of the unzoomed page is.
export function unitsPerPixel(svg) {
  const { width, height } = svg.viewBox.baseVal
  const scale = Math.min(svg.clientWidth / width, svg.clientHeight / height)
  return scale > 0 ? 1 / scale : 1
}

// The number of the mark, named 'word number' for the focus, that an event is of; none for others.
export function numberOf(event) {
  const name = event.target.closest?.('[data-focus]')?.dataset.focus ?? ''
  const number = Number(name.split(' ')[1])
  return Number.isInteger(number) ? number : undefined
}

// Follows a pointer from here until it is let go: moved(event) each time, done() at the end.
export function follow(svg, event, moved, done) {
  const stop = new AbortController()
  const until = stop.signal
  svg.setPointerCapture(event.pointerId)
  on(svg, 'pointermove', (move) => move.pointerId === event.pointerId && moved(move), { until })
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'])
    on(
      svg,
      end,
      (up) => {
        if (up.pointerId !== event.pointerId || until.aborted) return
        stop.abort()
        done()
      },
      { until }
    )
}
