// How alike two faces are: a bar from 0 to 1 with the bounds of one person and of another, and an upright face.

import { api } from '../../../scripts/api.js'
import { crop } from './face_picture.js'
import { mark } from './svg.js'

const SHOWN = 56 // pixels of a face

export function verdictOf(score, [other, same]) {
  if (score === null) return 'none'
  return score >= same ? 'same' : score >= other ? 'unsure' : 'other'
}

// What is reached, and ticks where one person ends and another begins.
export function bar(score, bounds, label) {
  const percent = (share) => `${100 * Math.min(Math.max(share ?? 0, 0), 1)}%`
  const drawn = mark(
    'svg',
    { class: 'likeness-meter', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 1, 'aria-valuenow': score ?? 0 },
    mark('rect', { class: 'likeness-rail', width: '100%', height: '100%' }),
    mark('rect', { class: 'likeness-reached', width: percent(score), height: '100%' }),
    ...bounds.map((bound) => mark('rect', { class: 'likeness-bound', x: percent(bound), width: 1.5, height: '100%' }))
  )
  drawn.setAttribute('aria-label', label)
  return drawn
}

// The face at a place, from 0, in a file of upright faces side by side; an empty square for null.
export function uprightFace(number, crops, label) {
  const drawn = mark('svg', { class: 'likeness-judged', viewBox: `0 0 ${SHOWN} ${SHOWN}`, role: 'img' })
  drawn.append(mark('title', {}, label))
  if (number === null) return drawn
  const address = api.apiURL(`/view?${new URLSearchParams(crops.file)}`)
  drawn.append(crop(crops, crops.columns, address, number, { x: 0, y: 0, width: SHOWN, height: SHOWN }))
  return drawn
}

export function made(tag, className, textContent = '') {
  return Object.assign(document.createElement(tag), { className, textContent })
}
