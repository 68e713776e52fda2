// A recipe is written into the inputs that it sets; who then changes one of these has no recipe any more.

import { app } from '../../scripts/app.js'
import { chain, setValue, valueOf, widgetOf } from './editor/widgets.js'

const KEY = 'likeness_sets' // in the settings of an input: {choice: {other input: value}}
const recipes = new Map() // node class -> [input, its settings]

// The inputs of a node as its recipe sets them, and that recipe taken off; nothing where there is none.
export function setBy(node) {
  if (!recipes.has(node.comfyClass)) return {}
  const [name, { [KEY]: sets, default: none }] = recipes.get(node.comfyClass)
  return { ...sets[valueOf(node, name)], [name]: none }
}

app.registerExtension({
  name: 'likeness.recipes',

  beforeRegisterNodeDef(_, { name, input }) {
    const inputs = Object.entries({ ...input?.required, ...input?.optional })
    const found = inputs.find(([, spec]) => spec[1]?.[KEY])
    if (found) recipes.set(name, [found[0], found[1][1]])
  },

  nodeCreated(node) {
    if (!recipes.has(node.comfyClass)) return
    const [name, { [KEY]: sets, default: none }] = recipes.get(node.comfyClass)
    let isWriting = false
    chain(widgetOf(node, name), 'callback', () => {
      isWriting = true
      for (const [input, value] of Object.entries(sets[valueOf(node, name)] ?? {})) setValue(node, input, value)
      isWriting = false
    })
    const written = new Set(Object.values(sets).flatMap(Object.keys))
    for (const input of written)
      chain(widgetOf(node, input), 'callback', () => {
        const value = sets[valueOf(node, name)]?.[input]
        if (!isWriting && value !== undefined && value !== valueOf(node, input)) setValue(node, name, none)
      })
  }
})
