// Seconds, and the words for their units -> 0.62 s, 41 s, 6 min, 3 h 20 min, 2 d 4 h.

export function duration(seconds, [s, min, h, d]) {
  if (seconds < 10) return `${seconds.toFixed(2)} ${s}`
  if (seconds < 90) return `${Math.round(seconds)} ${s}`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} ${min}`
  const hours = Math.floor(minutes / 60)
  if (hours < 36) return [`${hours} ${h}`, minutes % 60 ? `${minutes % 60} ${min}` : ''].filter(Boolean).join(' ')
  return [`${Math.floor(hours / 24)} ${d}`, hours % 24 ? `${hours % 24} ${h}` : ''].filter(Boolean).join(' ')
}
