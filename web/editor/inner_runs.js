// What nodes within subgraphs said in their last run, by their place in the prompt, 'outer:inner': two of the same blueprint
// share their nodes, and not their runs.

import { api } from '../../../scripts/api.js'
import { outputOf } from './widgets.js'

const runs = new Map()

export const remember = (place, said) => place.includes(':') && runs.set(place, said)

api.addEventListener('executed', ({ detail }) => detail.output && remember(String(detail.node), detail.output))

export const placeIn = (outer, inner) => `${outer.id}:${inner.id}`

// Of the node `inner` of the subgraph `outer`.
export const innerOutputOf = (outer, inner) => runs.get(placeIn(outer, inner)) ?? outputOf(inner)
