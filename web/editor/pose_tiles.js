// Keypoints of several pictures -> a tile for each, as large as there is room, and one more to add another.

import { KeypointDrawing } from './keypoint_drawing.js'
import { colourOf } from './people.js'
import { mark } from './svg.js'

const WIDTH = 440
const HEIGHT = 300
const GAP = 6
const LABEL = 14
const LEAST = { point: 2.2, limb: 1 } // units of the sheet: the real ones may be too small to see

export const newTiles = (label) =>
  mark('svg', { class: 'likeness-plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'group', 'aria-label': label })

// Columns, and the size of a tile, with which `count` tiles of a shape are largest.
function grid(count, [width, height]) {
  const tries = Array.from({ length: count }, (_, i) => {
    const [columns, rows] = [i + 1, Math.ceil(count / (i + 1))]
    const room = [WIDTH / columns - GAP, HEIGHT / rows - GAP - LABEL]
    return { columns, scale: Math.min(room[0] / width, room[1] / height) }
  })
  return tries.reduce((best, one) => (one.scale > best.scale ? one : best), { columns: 1, scale: 0 })
}

export class PoseTiles {
  constructor(svg, { drawing, heads }) {
    this.svg = svg
    this.drawing = new KeypointDrawing(svg, drawing, heads.fit)
    this.sizes = { point: drawing.radius, limb: drawing.half_width }
  }

  // pictures: [[five points of each person], ...]; labels: what a tile says under it and when it is read aloud.
  draw({ pictures, size, current, person, labels, canAdd, add }) {
    const { columns, scale } = grid(pictures.length + (canAdd ? 1 : 0), size)
    const [width, height] = size.map((side) => side * scale)
    this.size = [width, height]
    this.drawing.halfWidth = Math.max(this.sizes.limb, LEAST.limb / scale)
    this.radius = Math.max(this.sizes.point, LEAST.point / scale)
    const left = (WIDTH - columns * (width + GAP) + GAP) / 2
    const place = (i) => [
      left + (i % columns) * (width + GAP),
      GAP / 2 + Math.floor(i / columns) * (height + GAP + LABEL)
    ]
    this.columns = columns
    const tiles = pictures.map((faces, i) => {
      const [x, y] = place(i)
      return this.tile({ faces, i, x, y, width, height, size, isChosen: i === current, person, ...labels[i] })
    })
    if (canAdd) tiles.push(plus(place(pictures.length), width, height, add))
    this.svg.replaceChildren(...tiles)
  }

  tile({ faces, i, x, y, width, height, size, isChosen, person, short, long }) {
    const unit = size[0] / width
    const canvas = mark(
      'svg',
      { x, y, width, height, style: `width: ${width}px; height: ${height}px`, viewBox: `0 0 ${size.join(' ')}` },
      mark('rect', { width: size[0], height: size[1], fill: '#000' }),
      ...faces.map((face, number) => this.outline(face, unit, isChosen && faces.length > 1 && number === person, number)),
      ...faces.flatMap((face) => this.drawing.limbsOf(face)),
      ...faces.flatMap((face) => this.points(face))
    )
    return mark(
      'g',
      {
        class: 'likeness-tile',
        role: 'button',
        tabindex: isChosen ? 0 : -1,
        'aria-pressed': isChosen,
        'aria-label': long,
        'data-focus': `tile ${i}`
      },
      mark('title', {}, long),
      canvas,
      mark('rect', { class: 'likeness-edge', x, y, width, height, fill: 'transparent' }),
      mark('text', { class: 'likeness-small', x: x + width / 2, y: y + height + 10, 'text-anchor': 'middle' }, short)
    )
  }

  outline(face, unit, isChosen, number) {
    const head = this.drawing.outline(face, unit)
    if (isChosen) head.setAttribute('stroke', colourOf(number + 1))
    return head
  }

  points(face) {
    return face.map(([cx, cy], i) => mark('circle', { cx, cy, r: this.radius, fill: this.drawing.colours[i] }))
  }
}

function plus([x, y], width, height, label) {
  const [cx, cy, arm] = [x + width / 2, y + height / 2, Math.min(width, height, 60) / 5]
  const line = (attributes) => mark('line', { ...attributes, stroke: 'var(--likeness-text)', 'stroke-width': 2 })
  return mark(
    'g',
    { class: 'likeness-tile likeness-plus', role: 'button', tabindex: 0, 'aria-label': label, 'data-focus': 'last tile' },
    mark('title', {}, label),
    mark('rect', { class: 'likeness-edge', x, y, width, height, rx: 4, fill: 'transparent' }),
    line({ x1: cx - arm, x2: cx + arm, y1: cy, y2: cy }),
    line({ x1: cx, x2: cx, y1: cy - arm, y2: cy + arm })
  )
}
