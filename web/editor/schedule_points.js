// The course of a factor as points [[percent, factor], ...]: from presets and texts, and as the node's text.

const SMOOTH = 9 // points that stand for a curved preset once it is edited
const PAIR = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*:\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$/

export const clamp = (number, low, high) => Math.min(Math.max(number, low), high)
export const written = (number) => String(Number(number.toFixed(3)))
export const asText = (points) => points.map(([percent, factor]) => `${written(percent)}:${written(factor)}`).join(', ')
export const snapped = (number, step) => Number((Math.round(number / step) * step).toFixed(4))

// The straight lines between the points; before the first and after the last it stays as there.
export function factorAt(points, percent) {
  const right = points.findIndex(([x]) => x > percent)
  if (right === 0) return points[0][1]
  if (right < 0) return points.at(-1)[1]
  const [[x0, y0], [x1, y1]] = [points[right - 1], points[right]]
  return y0 + ((y1 - y0) * (percent - x0)) / (x1 - x0)
}

export function presetPoints(curve, first, last) {
  return curve.map(([percent, envelope, way]) => [percent, envelope * (first + (last - first) * way)])
}

// Where the inputs 'first' and 'last' are seen on a preset's curve: where each has all its influence.
export function handlesOf(curve) {
  const shares = { first: ([, envelope, way]) => envelope * (1 - way), last: ([, envelope, way]) => envelope * way }
  return Object.entries(shares).flatMap(([name, share]) => {
    const best = curve.reduce((a, b) => (share(b) > share(a) + 1e-9 ? b : a))
    return share(best) > 0.5 ? [{ name, percent: best[0] }] : []
  })
}

export function ownPoints(text) {
  const matches = text
    .replaceAll('\n', ',')
    .split(',')
    .filter((part) => part.trim())
    .map((part) => PAIR.exec(part))
  const points = matches.map((match) => match && [Number(match[1]), Number(match[2])])
  const isCourse = points.every((point, i) => point && point[0] >= (i ? points[i - 1]?.[0] : 0) && point[0] <= 1)
  return isCourse ? points : null
}

// Points that a person can take hold of: the corners of the course, or a few where it is curved.
export function grippable(points) {
  if (points.length === 1) return [0, 1].map((percent) => [percent, points[0][1]])
  if (points.length === 2) return points
  return Array.from({ length: SMOOTH }, (_, i) => [i / (SMOOTH - 1), factorAt(points, i / (SMOOTH - 1))])
}
