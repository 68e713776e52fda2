// Factors of the pictures of a batch: from the node's text to one for each picture, as the server spreads them.

import { written } from './schedule_points.js'

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/

const WAYS = { none: () => 0, linear: (u) => u, ease: (u) => (1 - Math.cos(Math.PI * u)) / 2 }

// The numbers in a text; null where a part of it is none.
export function numbersIn(text) {
  const parts = text.split(/[\n,]/).map((part) => part.trim()).filter(Boolean)
  return parts.every((part) => NUMBER.test(part) && Number.isFinite(Number(part))) ? parts.map(Number) : null
}

export const asFrames = (numbers) => numbers.map(written).join(', ')

export function spread(numbers, count, between) {
  if (!numbers.length || !count) return numbers
  const at = between === 'none' ? (i) => Math.floor((i * numbers.length) / count) : (i) => (i * (numbers.length - 1)) / Math.max(count - 1, 1)
  return Array.from({ length: count }, (_, i) => {
    const left = Math.min(Math.floor(at(i)), numbers.length - 1)
    const right = Math.min(left + 1, numbers.length - 1)
    return numbers[left] + (numbers[right] - numbers[left]) * (between === 'none' ? 0 : WAYS[between](at(i) - left))
  })
}

// Where a number is among the pictures, as the share of the plot that lies left of it.
export function shareOf(index, length, count, between) {
  const pictures = count || length
  if (!count || between === 'none') return (index + 0.5) / length
  const picture = length === 1 ? 0 : (index * (pictures - 1)) / (length - 1)
  return (picture + 0.5) / pictures
}
