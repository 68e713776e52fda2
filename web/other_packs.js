// Nodes of other packs that share an id with an old node are left alone: the page replaces missing nodes by their ids.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'

let asked

// {id: {pack, sockets, inputs}} of every old node; asked for once, after a failure again.
function oldNodes() {
  asked ??= api
    .fetchApi('/likeness/old_nodes')
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${answer.status} ${answer.statusText}`))))
    .catch((error) => {
      asked = undefined
      throw error
    })
  return asked
}

// What is missing on the canvas and in its subgraphs, with what the file says of it.
function* missingNodes() {
  const root = app.rootGraph ?? app.graph
  for (const graph of [root, ...(root.subgraphs?.values() ?? [])]) {
    for (const node of graph.nodes) if (node.last_serialization) yield node
  }
}

// Told by its inputs, as the server tells nodes of prompts; by the pack that the file names where they do not decide.
function isAnotherPacks(saved, old) {
  const names = (saved.inputs ?? []).map((input) => input.name)
  const fits = old.sockets.length > 0 && old.sockets.every((name) => names.includes(name))
  const named = saved.properties?.cnr_id ?? saved.properties?.aux_id
  const pack = named?.toLowerCase().split('/').pop()
  return !fits && (names.some((name) => !old.inputs.includes(name)) || pack?.startsWith(old.pack.toLowerCase()) === false)
}

app.registerExtension({
  name: 'likeness.otherPacks',

  async afterConfigureGraph(missing) {
    const known = await oldNodes()
    const kinds = { theirs: new Set(), ours: new Set() }
    for (const node of missingNodes()) {
      const { type } = node.last_serialization
      if (!(type in known) || type in LiteGraph.registered_node_types) continue
      const isTheirs = isAnotherPacks(node.last_serialization, known[type])
      kinds[isTheirs ? 'theirs' : 'ours'].add(type)
      // The page replaces what has the type of an offer. Files are written from what was read: they keep the type.
      if (isTheirs) node.type = `${type} of another pack`
    }
    for (const one of missing) {
      if (kinds.theirs.has(one.type) && !kinds.ours.has(one.type)) one.isReplaceable = false
    }
  }
})
