// A schedule's course, the factor at each step and what can be dragged -> the marks of the schedule editor.

import { factorAt, written } from './schedule_points.js'
import { mark } from './svg.js'

const WIDTH = 440
const HEIGHT = 196
export const PLOT = { left: 40, right: 428, top: 12, bottom: 172 }
export const LIMIT = 5
const UP = 'var(--likeness-up)'

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

function lines([low, high], at) {
  const line = (x1, y1, x2, y2, wide) =>
    mark('line', { x1, y1, x2, y2, stroke: 'var(--likeness-line)', 'stroke-width': wide ? 2 : 1 })
  const text = (x, y, content, anchor) =>
    mark('text', { class: 'likeness-small', x, y, 'text-anchor': anchor }, content)
  const levels = [...new Set([low, 0, 0.5, 1, high])].flatMap((value) => {
    const [, y] = at(0, value)
    return [line(PLOT.left, y, PLOT.right, y, value === 0), text(PLOT.left - 11, y + 3, value, 'end')]
  })
  const parts = [0, 0.25, 0.5, 0.75, 1].flatMap((percent) => {
    const [x] = at(percent, low)
    return [line(x, PLOT.top, x, PLOT.bottom), text(x, PLOT.bottom + 13, `${percent * 100}%`, 'middle')]
  })
  return [...levels, ...parts]
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
function handle({ name, percent, factor }, index, isCurrent, at, words) {
  const [cx, cy] = at(percent, factor)
  const label = name ? words[name](written(factor)) : words.point(written(percent * 100), written(factor))
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
