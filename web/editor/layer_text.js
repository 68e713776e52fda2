// Layer weights {factors, swapped} from presets and texts, and as the text that the node takes.

const PAIR = /^\s*(!?)\s*(\d+)\s*:\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$/

export const written = (number) => String(Number(number.toFixed(4)))

export function presetWeights(known, name, family, boost) {
  const row = known.layer_presets[name]?.[family]
  if (!row) return null
  return { factors: row.at_0.map((low, i) => low + boost * (row.at_1[i] - low)), swapped: new Set(row.swapped) }
}

// The pairs that the editor itself writes; anything else is read by the server.
export function ownWeights(text, count) {
  const weights = { factors: Array(count).fill(0), swapped: new Set() }
  for (const part of text
    .replaceAll('\n', ',')
    .split(',')
    .filter((part) => part.trim())) {
    const match = PAIR.exec(part)
    if (!match || Number(match[2]) >= count) return null
    weights.factors[Number(match[2])] = Number(match[3])
    if (match[1]) weights.swapped.add(Number(match[2]))
  }
  return weights
}

// Blocks of 0 are left out, as the node writes them; all of them at 0 still has to be a text.
export function asText({ factors, swapped }) {
  const pairs = factors.map((factor, i) => factor && `${swapped.has(i) ? '!' : ''}${i}:${written(factor)}`)
  return pairs.filter(Boolean).join(', ') || '0:0'
}
