// After the page is loaded anew, nodes show again what they said in this workflow's last run: the server still has it.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { remember } from './editor/inner_runs.js'
import { nodesOf, outputOf } from './editor/widgets.js'

const RUNS = 16 // looked through
const OURS = 'Likeness' // the classes of our nodes begin with it

const RUN = ['execution_start', 'execution_success', 'execution_error', 'execution_interrupted']

const last = new Map() // workflow, by id -> a promise of its runs, until something runs

function runsOf(id) {
  if (!last.has(id)) last.set(id, fetched(id).catch(() => []))
  return last.get(id)
}

async function fetched(id) {
  const answer = await api.fetchApi(`/history?max_items=${RUNS}`)
  if (!answer.ok) return []
  return Object.values(await answer.json()).filter((run) => run.prompt[3]?.extra_pnginfo?.workflow?.id === id)
}

// Also of a workflow that was shown before: to load it again takes away what nodes said.
async function restore() {
  const root = app.rootGraph ?? app.graph
  const { id } = root
  if (!root._nodes.length) return
  const runs = await runsOf(id)
  if (id !== root.id) return // another workflow was opened meanwhile
  for (const { prompt, outputs } of runs.toReversed())
    for (const [place, said] of Object.entries(outputs)) show(place, said, prompt[2][place]?.class_type)
}

function show(place, said, kind) {
  const node = nodesOf(place).at(-1)
  if (!said || !kind?.startsWith(OURS) || node?.comfyClass !== kind || outputOf(node)) return
  remember(place, said)
  const { graph } = node
  const isInside = graph !== (app.rootGraph ?? app.graph)
  app.nodeOutputs[isInside ? `${graph.id}:${node.id}` : String(node.id)] = said
  node.onExecuted?.(said)
  const text = said.text?.join('\n')
  if (text) api.dispatchCustomEvent('progress_text', { nodeId: place, text })
}

app.registerExtension({
  name: 'likeness.lastResults',

  setup() {
    for (const kind of RUN) api.addEventListener(kind, () => last.clear())
  },

  afterConfigureGraph: restore,
  onNodeOutputsUpdated: restore // newer pages put another set in place after the graph
})
