// A picture and its faces -> marks: thin frames, small tags outside of them, and the face under the pointer, enlarged.

import { mark } from './svg.js'

const LOUPE = 110 // pixels
const TAG = 14

const isApart = (a, b) => a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height

// A face alone, of the sheet on which the server put all of them.
export function crop({ side, columns }, count, address, number, place) {
  const rows = Math.ceil(count / columns)
  const [left, top] = [(number % columns) * side, Math.floor(number / columns) * side]
  return mark(
    'svg',
    {
      ...place,
      style: `width: ${place.width}px; height: ${place.height}px`, // the attributes may give way to the editors' style
      viewBox: `${left} ${top} ${side} ${side}`,
      'pointer-events': 'none'
    },
    mark('image', { href: address, width: columns * side, height: rows * side })
  )
}

// faces: [{ box, number, person, label, colour?, isPressed, isFocusable }, ...]; `number` is the place, from 0, `person`
// what is written; `colour` of those that go on.
export function frames(faces, [width, height], unit) {
  const taken = faces.map(({ box: [x0, y0, x1, y1] }) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 }))
  const placed = faces.map((face, i) => tagPlace(face, taken[i], [width, height], unit, taken, i))
  return faces.map((face, i) => frame(face, taken[i], placed[i], unit))
}

// Above the face, else under it; where another face is, or the tag of one, there is none: the strip has the number too.
function tagPlace({ person, isPressed }, box, [width, height], unit, taken, own) {
  const size = { width: (7 + 7 * String(person).length) * unit, height: TAG * unit }
  const x = Math.min(Math.max(box.x, 0), width - size.width)
  const places = [box.y - size.height, box.y + box.height].map((y) => ({ x, y, ...size }))
  const isIn = ({ y }) => y >= 0 && y + size.height <= height
  const free = places.find((place) => isIn(place) && taken.every((one, i) => i === own || isApart(place, one)))
  const found = free ?? (isPressed ? (places.find(isIn) ?? { x, y: Math.max(box.y, 0), ...size }) : null)
  if (found) taken.push(found)
  return found
}

function frame({ number, person, label, colour, isPressed, isFocusable }, box, tag, unit) {
  const line = colour ?? '#fff'
  const [middle, base] = tag ? [tag.x + tag.width / 2, tag.y + 11 * unit] : []
  return mark(
    'g',
    {
      class: 'likeness-box',
      role: 'button',
      tabindex: isFocusable ? 0 : -1,
      'aria-label': label,
      'aria-pressed': isPressed,
      'data-face': number,
      'data-focus': `face ${number}`
    },
    mark('title', {}, label),
    mark('rect', { ...box, fill: 'none', stroke: '#000', 'stroke-opacity': 0.6, 'stroke-width': 3 * unit }),
    mark('rect', {
      class: 'likeness-frame',
      ...box,
      fill: 'transparent',
      stroke: line,
      'stroke-width': (isPressed ? 2.5 : 1) * unit
    }),
    ...(tag
      ? [
          mark('rect', { ...tag, rx: 2 * unit, fill: line }),
          mark('text', { x: middle, y: base, 'text-anchor': 'middle', style: `font-size: ${11 * unit}px; fill: #000` }, person)
        ]
      : [])
  )
}

// The face at a box, enlarged beside it.
export function loupe({ box: [x0, y0, x1, y1], colour }, [width, height], unit, picture) {
  const side = Math.min(LOUPE * unit, width, height)
  const gap = 4 * unit
  const x = x1 + gap + side <= width ? x1 + gap : Math.max(x0 - gap - side, 0)
  const y = Math.min(Math.max((y0 + y1 - side) / 2, 0), height - side)
  const place = { x, y, width: side, height: side }
  return mark(
    'g',
    { class: 'likeness-loupe', 'pointer-events': 'none' },
    mark('rect', { ...place, fill: '#000' }),
    picture(place),
    mark('rect', { ...place, fill: 'none', stroke: colour ?? '#fff', 'stroke-width': 2 * unit })
  )
}
