// How many steps the sampler makes that a node's outputs lead to.

import { valueOf } from './widgets.js'

const USUAL = 20

// The first node downstream that has 'steps'; 20 where there is none.
export function stepsOf(node) {
  const seen = new Set([node])
  for (const next of seen) {
    const steps = next === node ? undefined : valueOf(next, 'steps')
    if (Number.isInteger(steps) && steps > 0) return Math.min(steps, 200)
    for (const output of next.outputs ?? [])
      for (const id of output.links ?? []) {
        const link = next.graph?.getLink?.(id) ?? next.graph?.links?.[id]
        const target = link && next.graph.getNodeById(link.target_id)
        if (target) seen.add(target)
      }
  }
  return USUAL
}
