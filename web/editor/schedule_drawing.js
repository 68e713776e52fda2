// A schedule's course, the factor at each step and what can be dragged -> the marks of the schedule editor.

import { factorAt, written } from './schedule_points.js'
import { mark } from './svg.js'

const WIDTH = 440
const HEIGHT = 196
export const PLOT = { left: 40, right: 428, top: 12, bottom: 172 }
export const LIMIT = 5
const UP = 'var(--likeness-up)'
const BARS = 400 // as many as can be told apart
const NUMBERS = 16 // of pictures, as many as there is room for

export const newPlot = (label) =>
  mark('svg', { class: 'likeness-plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'group', 'aria-label': label })

export function drawSchedule(svg, { points, axis, count, handles, current, words }) {
  const [low, high] = axis
  const at = (percent, factor) => [
    PLOT.left + percent * (PLOT.right - PLOT.left),
    PLOT.bottom - ((factor - low) / (high - low)) * (PLOT.bottom - PLOT.top)
  ]
  svg.replaceChildren(
    ...lines(axis, at),
    ...(points ? [...course(points, at), ...steps(points, count, at)] : []),
    ...handles.map((one, i) => handle(one, i, i === current, at, words))
  )
}

// One bar for each picture of a batch, and a handle for each number that they were spread from.
export function drawPictures(svg, { factors, axis, handles, current, words }) {
  const [low, high] = axis
  const at = (share, factor) => [
    PLOT.left + share * (PLOT.right - PLOT.left),
    PLOT.bottom - ((factor - low) / (high - low)) * (PLOT.bottom - PLOT.top)
  ]
  svg.replaceChildren(
    ...levelsOf(axis, at),
    ...bars(factors, at),
    ...handles.map((one, i) => handle({ ...one, percent: one.share }, i, i === current, at, words))
  )
}

function bars(factors, at) {
  const wide = (PLOT.right - PLOT.left) / factors.length
  const step = Math.ceil(factors.length / BARS)
  const every = step * Math.ceil(factors.length / NUMBERS / step)
  const [, ground] = at(0, 0)
  return factors.flatMap((factor, i) => {
    if (i % step) return []
    const [x, y] = at(i / factors.length, factor)
    const title = mark('title', {}, `${i + 1} / ${factors.length}: ${written(factor)}`)
    const bar = {
      class: 'likeness-picture',
      x: x + 0.1 * step * wide,
      width: 0.8 * step * wide,
      y: Math.min(y, ground),
      height: Math.abs(ground - y),
      fill: factor < 0 ? 'var(--likeness-down)' : UP,
      'fill-opacity': 0.55
    }
    const place = { class: 'likeness-small', x: x + wide / 2, y: PLOT.bottom + 13, 'text-anchor': 'middle' }
    return [mark('rect', bar, title), ...(i % every ? [] : [mark('text', place, i + 1)])]
  })
}

function levelsOf([low, high], at) {
  return [...new Set([low, 0, 0.5, 1, high])].flatMap((value) => {
    const [, y] = at(0, value)
    const stroke = { stroke: 'var(--likeness-line)', 'stroke-width': value === 0 ? 2 : 1 }
    return [
      mark('line', { x1: PLOT.left, y1: y, x2: PLOT.right, y2: y, ...stroke }),
      mark('text', { class: 'likeness-small', x: PLOT.left - 11, y: y + 3, 'text-anchor': 'end' }, value)
    ]
  })
}

function lines(axis, at) {
  const parts = [0, 0.25, 0.5, 0.75, 1].flatMap((percent) => {
    const [x] = at(percent, axis[0])
    const place = { class: 'likeness-small', x, y: PLOT.bottom + 13, 'text-anchor': 'middle' }
    return [
      mark('line', { x1: x, y1: PLOT.top, x2: x, y2: PLOT.bottom, stroke: 'var(--likeness-line)', 'stroke-width': 1 }),
      mark('text', place, `${percent * 100}%`)
    ]
  })
  return [...levelsOf(axis, at), ...parts]
}

function course(points, at) {
  const corners = [[0, factorAt(points, 0)], ...points, [1, points.at(-1)[1]]]
  const path = corners.map(([percent, factor]) => at(percent, factor).join(' ')).join(' L ')
  const [, ground] = at(0, 0)
  return [
    mark('path', {
      d: `M ${PLOT.left} ${ground} L ${path} L ${PLOT.right} ${ground} Z`,
      fill: UP,
      'fill-opacity': 0.15
    }),
    mark('path', { d: `M ${path}`, fill: 'none', stroke: UP, 'stroke-width': 2.5, 'stroke-linejoin': 'round' })
  ]
}

function steps(points, count, at) {
  return Array.from({ length: count }, (_, i) => {
    const factor = factorAt(points, i / count)
    const [cx, cy] = at(i / count, factor)
    const title = mark('title', {}, `${i + 1} / ${count}: ${written(factor)}`)
    return mark('circle', { class: 'likeness-step', cx, cy, r: 2.2, fill: 'var(--likeness-text)' }, title)
  })
}

// An end of a preset, which has a name, or a point of one's own.
function handle({ name, percent, factor, share }, index, isCurrent, at, words) {
  const [cx, cy] = at(percent, factor)
  const point = share === undefined ? words.point(written(percent * 100), written(factor)) : words.number(index + 1, written(factor))
  const label = name ? words[name](written(factor)) : point
  return mark(
    'g',
    {
      class: 'likeness-handle',
      tabindex: isCurrent ? 0 : -1,
      role: 'slider',
      'aria-label': label,
      'aria-orientation': 'vertical',
      'aria-valuenow': written(factor),
      'aria-valuemin': -LIMIT,
      'aria-valuemax': LIMIT,
      'data-focus': `point ${index}`
    },
    mark('title', {}, label),
    mark('circle', { class: 'likeness-ring', cx, cy, r: 12 }),
    mark('circle', { cx, cy, r: 6, fill: name ? 'var(--likeness-ground)' : UP, stroke: UP, 'stroke-width': 1.5 })
  )
}
