// Nodes show again what they said last, for the server still has it: after the page is loaded anew, and where they came from
// its cache, of which the host tells only when the whole run succeeds, and then without the texts.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { remember } from './editor/inner_runs.js'
import { nodesOf, outputOf, textOf } from './editor/widgets.js'

const RUNS = 16 // looked through
const OURS = 'Likeness' // the classes of our nodes begin with it

const RUN = ['execution_start', 'execution_success', 'execution_error', 'execution_interrupted']

const last = new Map() // workflow, by id -> a promise of its runs, until something runs

function runsOf(id) {
  const isOf = (run) => run.prompt[3]?.extra_pnginfo?.workflow?.id === id
  if (!last.has(id)) last.set(id, fetched().then((runs) => runs.filter(isOf)))
  return last.get(id)
}

// The latest last.
async function fetched() {
  try {
    const answer = await api.fetchApi(`/history?max_items=${RUNS}`)
    return answer.ok ? Object.values(await answer.json()) : []
  } catch {
    return []
  }
}

// Also of a workflow that was shown before: to load it again takes away what nodes said.
async function restore() {
  const root = app.rootGraph ?? app.graph
  const { id } = root
  if (!root._nodes.length) return
  const runs = await runsOf(id)
  if (id !== root.id) return // another workflow was opened meanwhile
  for (const { prompt, outputs } of runs.toReversed())
    for (const [place, said] of Object.entries(outputs)) {
      const node = ourNode(place, prompt[2][place]?.class_type)
      if (node && said && !outputOf(node)) show(node, place, said)
    }
}

function ourNode(place, kind) {
  const node = nodesOf(place).at(-1)
  return kind?.startsWith(OURS) && node?.comfyClass === kind ? node : undefined
}

function show(node, place, said) {
  remember(place, said)
  const { graph } = node
  const isInside = graph !== (app.rootGraph ?? app.graph)
  app.nodeOutputs[isInside ? `${graph.id}:${node.id}` : String(node.id)] = said
  node.onExecuted?.(said)
  showText(node, place, said)
}

function showText(node, place, said) {
  const text = said.text?.join('\n')
  if (text && !textOf(node).trim()) api.dispatchCustomEvent('progress_text', { nodeId: place, text })
}

let cached = [] // places of the run that is going on
let failed // the run that has, until the server lists it

async function showCached() {
  const [run, places] = [failed, cached]
  failed = undefined
  const runs = await fetched()
  const failing = runs.find(({ prompt }) => prompt[1] === run)
  const root = app.rootGraph ?? app.graph
  if (!failing || failing.prompt[3]?.extra_pnginfo?.workflow?.id !== root.id) return
  const numbers = new Map()
  const known = new Map(runs.map((run) => [run, numbering(run.prompt[2], numbers)]))
  for (const place of places) {
    const node = ourNode(place, failing.prompt[2][place]?.class_type)
    if (!node || (outputOf(node) && textOf(node).trim())) continue
    const wanted = known.get(failing)(place)
    const isSame = (run) => run.outputs[place] && known.get(run)(place) === wanted
    const made = runs.findLast(isSame)
    if (made) show(node, place, made.outputs[place])
  }
}

// -> a number of a place in a prompt: for the same node with the same before it always the same, by `numbers`.
function numbering(prompt, numbers) {
  const known = new Map()
  const of = (place) => {
    if (!known.has(place)) known.set(place, numberOf(prompt[place]))
    return known.get(place)
  }
  const read = (value) => (Array.isArray(value) && value[0] in prompt ? { from: of(value[0]), at: value[1] } : value)
  const numberOf = ({ class_type: kind, inputs }) => {
    const given = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1))
    const key = JSON.stringify([kind, ...given.map(([name, value]) => [name, read(value)])])
    if (!numbers.has(key)) numbers.set(key, numbers.size)
    return numbers.get(key)
  }
  return of
}

app.registerExtension({
  name: 'likeness.lastResults',

  setup() {
    for (const kind of RUN) api.addEventListener(kind, () => last.clear())
    api.addEventListener('execution_cached', ({ detail }) => (cached = detail.nodes))
    for (const kind of ['execution_error', 'execution_interrupted'])
      api.addEventListener(kind, ({ detail }) => (failed = detail.prompt_id))
    api.addEventListener('executing', ({ detail }) => !detail && failed && showCached())
    api.addEventListener('executed', ({ detail }) => {
      const node = nodesOf(String(detail.node)).at(-1)
      if (node?.comfyClass?.startsWith(OURS) && detail.output) showText(node, String(detail.node), detail.output)
    })
  },

  afterConfigureGraph: restore,
  onNodeOutputsUpdated: restore // newer pages put another set in place after the graph
})
