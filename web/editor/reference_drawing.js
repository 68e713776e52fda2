// Outlines of regions on a canvas -> marks, each in the colour of its reference.

import { colourOf } from './people.js'
import { mark } from './svg.js'

const WIDTH = 440
const HEIGHT = 200
const EDGE = 6

export const newCanvas = (label) =>
  mark('svg', { class: 'likeness-plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label })

// Where a canvas of a shape lies in the drawing: x, y, width, height.
export function placeOf([width, height]) {
  const scale = Math.min((WIDTH - 2 * EDGE) / width, (HEIGHT - 2 * EDGE) / height)
  const [across, down] = [width * scale, height * scale]
  return { x: (WIDTH - across) / 2, y: (HEIGHT - down) / 2, width: across, height: down }
}

// A place in the drawing as shares of the canvas, kept within it.
export function shareAt([x, y], place) {
  const within = (share) => Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 1000
  return [within((x - place.x) / place.width), within((y - place.y) / place.height)]
}

export function drawCanvas(svg, { rows, current, place, drawn }) {
  const shape = (outline, i, isChosen) =>
    mark('polygon', {
      class: 'likeness-region',
      points: outline.map(([x, y]) => `${place.x + x * place.width},${place.y + y * place.height}`).join(' '),
      fill: colourOf(i + 1),
      'fill-opacity': isChosen ? 0.4 : 0.12,
      stroke: colourOf(i + 1),
      'stroke-width': isChosen ? 2 : 1,
      'data-row': i
    })
  const order = [...rows.keys()].sort((a, b) => (a === current) - (b === current)) // the chosen one on top
  svg.replaceChildren(
    mark('rect', { class: 'likeness-canvas', ...place, fill: 'transparent', stroke: 'var(--likeness-faint)' }),
    ...order.flatMap((i) => rows[i].mask.map((outline) => shape(outline, i, i === current))),
    ...(drawn ? [shape(drawn, current, true)] : [])
  )
}
