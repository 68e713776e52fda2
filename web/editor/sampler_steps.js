// How many steps the sampler makes that a node's outputs lead to, and how many pictures.

import { placeOf, sourceOf, valueIn } from './upstream.js'
import { valueOf } from './widgets.js'

const USUAL = 20
const FAR = 16 // nodes that a latent is followed through

// The nodes that a node's outputs lead to, the nearest first.
export function after(node) {
  const seen = new Set([node])
  for (const next of seen)
    for (const output of next.outputs ?? [])
      for (const id of output.links ?? []) {
        const link = next.graph?.getLink?.(id) ?? next.graph?.links?.[id]
        const target = link && next.graph.getNodeById(link.target_id)
        if (target) seen.add(target)
      }
  seen.delete(node)
  return [...seen]
}

// The first node downstream that has 'steps'; 20 where there is none.
export function stepsOf(node) {
  const steps = after(node).map((next) => valueOf(next, 'steps')).find((one) => Number.isInteger(one) && one > 0)
  return steps ? Math.min(steps, 200) : USUAL
}

// Of the first node downstream that says it itself, or by the latent it samples; null where nothing does.
export function batchOf(node) {
  for (const next of after(node)) {
    const latent = next.inputs?.find((input) => input.name === 'latent_image' && input.link != null)
    const batch = sizeIn(placeOf(next)) ?? (latent && batchIn(sourceOf(placeOf(next), latent), FAR, node))
    if (Number.isInteger(batch) && batch > 0) return batch
  }
  return null
}

// Null where another node gives it.
function sizeIn(place) {
  const input = place.node.inputs?.find((one) => one.name === 'batch_size')
  return input && sourceOf(place, input) ? null : valueIn(place, 'batch_size')
}

// Null for a latent that comes of the node itself, which has as many as it says.
function batchIn(place, far, own) {
  if (!place || !far || place.node === own) return null
  const given = place.node.inputs?.find((input) => input.type === 'LATENT' && input.link != null)
  return sizeIn(place) ?? (given ? batchIn(sourceOf(place, given), far - 1, own) : null)
}
