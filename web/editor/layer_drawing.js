// Layer weights and what each block is -> the marks of the layer weights editor.

import { written } from './layer_text.js'
import { mark } from './svg.js'

const WIDTH = 440
const HEIGHT = 212
export const PLOT = { left: 30, right: 434, top: 18, bottom: 150 }
export const LIMIT = 5
const ROOM = 18 // a narrower column has no room for numbers of its own
const FAINT = 'var(--likeness-faint)'

export const newPlot = (label) =>
  mark('svg', { class: 'likeness-plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'group', 'aria-label': label })

const columnOf = (count) => (PLOT.right - PLOT.left) / Math.max(count, 1)

export const blockAt = (x, count) => Math.floor((x - PLOT.left) / columnOf(count))

export function drawLayers(svg, { blocks, weights, axis, current, isFixed, words }) {
  const [low, high] = axis
  const column = columnOf(blocks.length)
  const height = (value) => PLOT.bottom - ((value - low) / (high - low)) * (PLOT.bottom - PLOT.top)
  const bars = weights?.factors.map((factor, number) =>
    bar(
      blocks[number],
      { number, factor, away: weights.swapped.has(number) },
      { column, height, current, isFixed, words }
    )
  )
  svg.replaceChildren(
    ...lines(axis, height),
    ...spans(blocks, 'side', PLOT.bottom + 30, column, words.place, () => FAINT),
    ...spans(blocks, 'role', PLOT.bottom + 46, column, words.roles, (role) => `var(--likeness-${role})`),
    ...(bars ?? [])
  )
  svg.style.cursor = isFixed ? 'default' : 'ns-resize'
}

function lines([low, high], height) {
  return [...new Set([low, 0, 1, high])].flatMap((value) => {
    const y = height(value)
    const line = { x1: PLOT.left, x2: PLOT.right, y1: y, y2: y, stroke: 'var(--likeness-line)' }
    return [
      mark('line', { ...line, 'stroke-width': value === 0 ? 2 : 1 }),
      mark('text', { class: 'likeness-small', x: PLOT.left - 5, y: y + 3, 'text-anchor': 'end' }, value)
    ]
  })
}

// What neighbouring blocks have in common, as one line under all of them: their side, and what they carry.
function spans(blocks, key, y, column, words, colour) {
  const ends = blocks.flatMap((block, i) => (block[key] === blocks[i + 1]?.[key] ? [] : [i + 1]))
  return ends.flatMap((end, i) => {
    const start = i ? ends[i - 1] : 0
    const value = blocks[start][key]
    if (!value) return []
    const [x, width, fill] = [PLOT.left + start * column, (end - start) * column, colour(value)]
    const text = {
      class: 'likeness-small',
      x: x + width / 2,
      y: y + 11,
      'text-anchor': 'middle',
      style: `fill: ${fill}`
    }
    return [mark('rect', { x: x + 3, y, width: width - 6, height: 2.5, rx: 1, fill }), mark('text', text, words[value])]
  })
}

const cellText = (cell, column) => (column > 30 ? `${cell}px` : column >= ROOM ? cell : '')

function bar(block, { number, factor, away }, { column, height, current, isFixed, words }) {
  const left = PLOT.left + number * column
  const [top, bottom] = [height(Math.max(factor, 0)), height(Math.min(factor, 0))]
  const colour = away || factor < 0 ? 'var(--likeness-down)' : 'var(--likeness-up)'
  const place = block.place.replace(block.side, words.place[block.side])
  const label = words.block(number, place, block.cell, words.roles[block.role])
  const value = `${written(factor)}${away ? `, ${words.away}` : ''}`
  const text = (y, content, attributes = {}) =>
    mark('text', { x: left + column / 2, y, 'text-anchor': 'middle', ...attributes }, content)
  return mark(
    'g',
    {
      class: 'likeness-slider',
      tabindex: number === current ? 0 : -1,
      role: 'slider',
      'aria-label': label,
      'aria-orientation': 'vertical',
      'aria-valuenow': written(factor),
      'aria-valuetext': value,
      'aria-valuemin': -LIMIT,
      'aria-valuemax': LIMIT,
      'aria-disabled': isFixed,
      'data-focus': `bar ${number}`
    },
    mark('title', {}, `${label}\n${value}`),
    mark('rect', { class: 'likeness-ring', x: left + 1, y: 2, width: column - 2, height: HEIGHT - 4, rx: 4 }),
    mark('rect', {
      x: left + column * 0.17,
      y: top,
      width: column * 0.66,
      height: Math.max(bottom - top, 1.5),
      rx: 2,
      fill: away ? 'none' : colour,
      stroke: away ? colour : 'none',
      'stroke-width': 2,
      'stroke-dasharray': away ? '4 2' : null,
      'fill-opacity': factor ? 1 : 0.4
    }),
    text(top - 4, factor && (column >= ROOM || number === current) ? Number(factor.toFixed(2)) : ''),
    text(PLOT.bottom + 14, column >= ROOM || number % 5 === 0 ? number : ''),
    text(PLOT.bottom + 25, cellText(block.cell, column), { class: 'likeness-small' })
  )
}
