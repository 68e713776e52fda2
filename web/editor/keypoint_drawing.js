// Faces, the picture behind them and the handles of the chosen one -> the marks of the keypoint editor.

import { boxOf } from './face_shape.js'
import { outlineOf } from './framing.js'
import { colourOf } from './people.js'
import { mark } from './svg.js'

const FAINT_PICTURE = 0.55
const GRIP = 10 // pixels around a point that take hold of it, where there is room
const LEAST_GRIP = 3
const TINY = 28 // pixels: a smaller face is grasped as a whole
const OUTLINE = 'rgba(255, 255, 255, 0.45)'

export const MARGIN = 0.05 // of the canvas, around it: faces may reach past its border

export class KeypointDrawing {
  constructor(svg, drawing, fit) {
    this.svg = svg
    this.fit = fit
    this.limbs = drawing.limbs
    this.radius = drawing.radius
    this.halfWidth = drawing.half_width
    this.colours = drawing.colours.map((colour) => `rgb(${colour})`)
    this.dark = drawing.colours.map(
      (colour) => `rgb(${colour.map((part) => Math.floor(part * drawing.limb_brightness))})`
    )
  }

  // `unit` is one pixel of the page in pixels of the canvas: what is to be grasped keeps its size. `view` is what of the
  // canvas is seen, [left, top, width, height].
  draw({ faces, people, size, view, chosen, point, picture, unit, isFixed, words }) {
    const [width, height] = size
    this.svg.setAttribute('viewBox', view.join(' '))
    this.svg.replaceChildren(
      mark('rect', { x: 0, y: 0, width, height, fill: '#000', stroke: 'var(--likeness-line)', 'stroke-width': unit }),
      ...(picture ? [this.picture(picture)] : []),
      ...faces.map((face) => this.outline(face, unit)),
      ...faces.flatMap((face) => this.limbsOf(face)),
      ...faces.map((face, i) =>
        this.face(face, i, {
          person: people[i],
          chosen: i === chosen,
          point,
          unit,
          isFixed,
          label: words.person(people[i], i + 1, faces.length)
        })
      )
    )
  }

  picture({ url, x, y, width, height, isMirrored, canvas }) {
    return mark('image', {
      href: url,
      x,
      y,
      width,
      height,
      preserveAspectRatio: 'none',
      opacity: FAINT_PICTURE,
      transform: isMirrored ? `translate(${canvas} 0) scale(-1 1)` : null
    })
  }

  // A pale head behind the points, which alone say little to a person. It is not in the picture that is drawn.
  outline(face, unit) {
    const { x, y, about, tilt, rx, ry } = outlineOf(face, this.fit)
    return mark('ellipse', {
      class: 'likeness-head',
      cx: x,
      cy: y,
      rx,
      ry,
      fill: 'none',
      stroke: OUTLINE,
      'stroke-width': 1.5 * unit,
      'pointer-events': 'none',
      transform: `rotate(${tilt} ${about.join(' ')})`
    })
  }

  // As IdentityNet sees them: thin ellipses to the nose in the point's colour.
  limbsOf(face) {
    return this.limbs.map(([from, to]) => {
      const [a, b] = [face[from], face[to]]
      const [dx, dy] = [b[0] - a[0], b[1] - a[1]]
      const [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]
      return mark('ellipse', {
        cx: x,
        cy: y,
        rx: Math.hypot(dx, dy) / 2,
        ry: this.halfWidth,
        fill: this.dark[from],
        transform: `rotate(${(Math.atan2(dy, dx) * 180) / Math.PI} ${x} ${y})`
      })
    })
  }

  face(face, number, { person, chosen, point, unit, isFixed, label }) {
    const box = boxOf(face, this.marginOf(face, unit))
    const isTiny = Math.max(boxOf(face).width, boxOf(face).height) < TINY * unit
    const body = mark('rect', {
      class: 'likeness-body',
      ...box,
      rx: 4 * unit,
      fill: 'transparent',
      stroke: colourOf(person),
      'stroke-width': (chosen ? 2 : 1) * unit,
      'stroke-dasharray': chosen ? null : `${4 * unit} ${4 * unit}`,
      'data-part': 'body'
    })
    const group = mark(
      'g',
      {
        class: 'likeness-face',
        tabindex: 0,
        role: 'group',
        'aria-label': label,
        'data-face': number,
        'data-focus': `face ${number}`
      },
      body,
      ...tag(person, box, unit),
      ...face.flatMap((_, i) => this.point(face, i, chosen ? 1 + (i === point) : 0, unit, isTiny))
    )
    if (chosen && !isFixed) group.append(...this.handles(box, unit))
    return group
  }

  marginOf(face, unit) {
    const { width, height } = boxOf(face)
    return Math.max(0.3 * Math.max(width, height), this.radius + 6 * unit)
  }

  // `ring`: 0 for none, 1 for a face that is chosen, 2 for its chosen point.
  point(face, number, ring, unit, isTiny) {
    const [cx, cy] = face[number]
    const nearest = Math.min(...face.filter((_, i) => i !== number).map(([x, y]) => Math.hypot(x - cx, y - cy)))
    const grip = Math.max(Math.min(GRIP * unit, 0.45 * nearest), LEAST_GRIP * unit)
    return [
      mark('circle', { cx, cy, r: this.radius, fill: this.colours[number], 'pointer-events': 'none' }),
      mark('circle', {
        class: 'likeness-point',
        cx,
        cy,
        r: Math.max(grip, Math.min(this.radius, 0.45 * nearest)),
        fill: 'transparent',
        stroke: ring ? '#fff' : 'none',
        'stroke-width': (ring === 2 ? 3 : 1.25) * unit,
        'data-part': `point ${number}`,
        'pointer-events': isTiny ? 'none' : null
      })
    ]
  }

  handles({ x, y, width, height }, unit) {
    const corners = [
      [x, y, 'nwse'],
      [x + width, y, 'nesw'],
      [x, y + height, 'nesw'],
      [x + width, y + height, 'nwse']
    ]
    const size = 10 * unit
    const knob = { fill: '#fff', stroke: 'var(--likeness-focus)', 'stroke-width': 2 * unit }
    const [top, middle] = [y - 20 * unit, x + width / 2]
    return [
      ...corners.map(([cx, cy, cursor]) =>
        mark('rect', {
          x: cx - size / 2,
          y: cy - size / 2,
          width: size,
          height: size,
          rx: 2 * unit,
          ...knob,
          style: `cursor: ${cursor}-resize`,
          'data-part': 'scale'
        })
      ),
      mark('line', {
        x1: middle,
        x2: middle,
        y1: y,
        y2: top,
        stroke: 'var(--likeness-focus)',
        'stroke-width': 2 * unit
      }),
      mark('circle', { cx: middle, cy: top, r: size / 2, ...knob, style: 'cursor: grab', 'data-part': 'turn' })
    ]
  }
}

// The person's number, in the person's colour, over the frame.
function tag(number, { x, y }, unit) {
  const [width, height] = [(7 + 7 * String(number).length) * unit, 14 * unit]
  const top = y - height - 2 * unit
  return [
    mark('rect', { x, y: top, width, height, rx: 2 * unit, fill: colourOf(number), 'pointer-events': 'none' }),
    mark(
      'text',
      { x: x + width / 2, y: top + 11 * unit, 'text-anchor': 'middle', style: `font-size: ${11 * unit}px; fill: #000` },
      number
    )
  ]
}
