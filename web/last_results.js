// After the page is loaded anew, nodes show again what they said in this workflow's last run: the server still has it.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { nodesOf, outputOf } from './editor/widgets.js'

const RUNS = 16 // looked through
const OURS = 'likeness_' // what a node says to our editors begins with it

const asked = new Set() // workflows, by id: what is run later stays on the page

async function restore() {
  const root = app.rootGraph ?? app.graph
  const { id } = root
  if (asked.has(id) || !root._nodes.length) return
  asked.add(id)
  const answer = await api.fetchApi(`/history?max_items=${RUNS}`)
  if (!answer.ok) return
  const runs = Object.values(await answer.json()).filter((run) => run.prompt[3]?.extra_pnginfo?.workflow?.id === id)
  if (id !== root.id) return // another workflow was opened meanwhile
  for (const { prompt, outputs } of runs.reverse())
    for (const [place, said] of Object.entries(outputs)) show(place, said, prompt[2][place]?.class_type)
}

function show(place, said, kind) {
  const node = nodesOf(place).at(-1)
  if (!said || node?.comfyClass !== kind || outputOf(node) || !Object.keys(said).some((name) => name.startsWith(OURS)))
    return
  const { graph } = node
  const isInside = graph !== (app.rootGraph ?? app.graph)
  app.nodeOutputs[isInside ? `${graph.id}:${node.id}` : String(node.id)] = said
  node.onExecuted?.(said)
}

app.registerExtension({ name: 'likeness.lastResults', afterConfigureGraph: restore })
