// The text of Pose Sheet: a line for each picture, in it a pose for each person, parted by ';'. As face/pose_sheet.py reads it.

const LIMIT = 180

// -> [[[yaw, pitch, roll], ...], ...] in degrees; null for what only the server can explain. `angles`: those of names.
export function posesOf(text, angles) {
  const lines = text.split('\n').filter((line) => line.trim())
  const found = lines.map((line) => line.split(';').map((word) => poseOf(word.trim().toLowerCase(), angles)))
  return found.flat().includes(null) ? null : found
}

function poseOf(word, angles) {
  if (Object.hasOwn(angles, word)) return [...angles[word], 0]
  const numbers = word.split(/[\s,]+/).map((part) => (part === '' ? NaN : Number(part)))
  const isPose = (numbers.length === 2 || numbers.length === 3) && numbers.every((one) => Math.abs(one) <= LIMIT)
  return isPose ? [...numbers, 0].slice(0, 3) : null
}

// The name of a pose, or its numbers.
export function wordOf([yaw, pitch, roll], angles) {
  const name = Object.keys(angles).find((one) => !roll && angles[one][0] === yaw && angles[one][1] === pitch)
  return name ?? [yaw, pitch, ...(roll ? [roll] : [])].join(' ')
}

export const asText = (lines, angles) =>
  lines.map((line) => line.map((pose) => wordOf(pose, angles)).join('; ')).join('\n')
