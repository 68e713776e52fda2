// The text of Reference Weights: numbers, or a list of settings. As attention/weights/reference_text.py reads it.

export const PLAIN = { of: 'latent', weight: 1, start: 0, end: 1, schedule: '', mask: [] }

// -> [{of, weight, start, end, schedule, mask}, ...]; null for what only the server can explain.
export function rowsOf(text) {
  if (!text.startsWith('[')) {
    const weights = text.split(/[,\n]/).filter((part) => part.trim())
    return weights.every((one) => Number.isFinite(Number(one))) ? weights.map((one) => ({ ...PLAIN, weight: Number(one) })) : null
  }
  try {
    const rows = JSON.parse(text).map((row) => ({ ...PLAIN, ...row }))
    return rows.every(isRow) ? rows : null
  } catch {
    return null
  }
}

function isRow({ of, weight, start, end, mask }) {
  const isPoint = (point) => point.length === 2 && point.every(Number.isFinite)
  return (
    ['latent', 'redux'].includes(of) &&
    [weight, start, end].every(Number.isFinite) &&
    Array.isArray(mask) &&
    mask.every((outline) => Array.isArray(outline) && outline.every(isPoint))
  )
}

// Numbers where there is nothing else to say; else a line for each row, with what differs from a plain one.
export function asText(rows) {
  const short = rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([key, value]) => String(value) !== String(PLAIN[key])))
  )
  const isShort = short.every((row) => Object.keys(row).every((key) => key === 'weight'))
  if (isShort) return rows.map(({ weight }) => weight).join(', ')
  return `[${short.map((row) => JSON.stringify(row)).join(',\n ')}]`
}

// The number of a row among those of its kind, from 1.
export const numberOf = (rows, place) => rows.slice(0, place + 1).filter(({ of }) => of === rows[place].of).length
