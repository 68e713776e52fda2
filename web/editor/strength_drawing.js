// How strongly a reference acts, in each block at each step -> a map of it, with the most that each block gets.

import { mark } from './svg.js'

const WIDTH = 440
const LEFT = 92 // where the map begins, after the names of the blocks
const RIGHT = 398 // and ends, before the numbers
const ROW = 15
const FOOT = 18
const BETWEEN = 28 // pixels from the number of a step to the next, or more

// branch: { label, places, swapped, factors: a list for each step with one for each block }
export function drawStrengths({ label, places, swapped, factors }, sigmas, most, words) {
  const column = (RIGHT - LEFT) / factors.length
  const bottom = ROW * places.length
  const strongest = places.map((_, i) => factors.map((step) => step[i]).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0))
  const rows = places.map((place, i) => {
    const name = `${i} ${place}`
    return mark(
      'g',
      {},
      text(LEFT - 6, i * ROW, name, 'end', swapped.includes(i) ? 'var(--likeness-down)' : null),
      mark('rect', { class: 'likeness-cell', x: LEFT, y: i * ROW + 1, width: RIGHT - LEFT, height: ROW - 2 }),
      ...runs(factors.map((step) => step[i])).map(({ first, last, value }) => {
        const said = words.cell(name, first === last ? first + 1 : `${first + 1}-${last + 1}`, sigmas[first], value)
        return mark(
          'rect',
          {
            x: LEFT + first * column,
            y: i * ROW + 1,
            width: (last - first + 1) * column,
            height: ROW - 2,
            fill: value ? `var(--likeness-${value < 0 ? 'down' : 'up'})` : 'transparent',
            'fill-opacity': value ? 0.15 + (0.85 * Math.abs(value)) / most : 0
          },
          mark('title', {}, said)
        )
      }),
      text(RIGHT + 6, i * ROW, String(Number(strongest[i].toFixed(2))), 'start')
    )
  })
  const every = Math.ceil(BETWEEN / column)
  const steps = factors.map((_, i) => i).filter((i) => i % every === 0)
  const summary = places.map((place, i) => `${i} ${place} ${Number(strongest[i].toFixed(2))}`).join(', ')
  const height = bottom + FOOT
  const drawn = mark(
    'svg',
    { class: 'likeness-plot likeness-map', viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': words.map(label, summary) },
    ...rows,
    text(LEFT - 6, bottom, words.step, 'end'),
    ...steps.map((i) => text(LEFT + (i + 0.5) * column, bottom, i + 1, 'middle')),
    text(RIGHT + 6, bottom, words.most, 'start')
  )
  drawn.style.aspectRatio = `${WIDTH} / ${height}`
  return drawn
}

const text = (x, top, content, anchor, fill) =>
  mark('text', { class: 'likeness-small', x, y: top + 11, 'text-anchor': anchor, style: fill && `fill: ${fill}` }, content)

// Steps in a row that have the same factor.
function runs(values) {
  const found = []
  for (const [i, value] of values.entries()) {
    if (found.at(-1)?.value === value) found.at(-1).last = i
    else found.push({ first: i, last: i, value })
  }
  return found
}
