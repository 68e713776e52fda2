// One node's input at several values: the same prompt for each, as far as the first picture that comes of it. What is on
// the canvas stays as it is, and nothing is saved.

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { listen } from './heard.js'
import { queue } from './refused.js'
import { wordsOf } from './words.js'

const SHOWS = 'PreviewImage' // the host's
const APART = 1000 // from the ids of the graph, so that no node that is added meanwhile has it

const WORDS = {
  en: { muted: (title) => `${title} is muted or bypassed.` },
  zh: { muted: (title) => `“${title}”已静音或已绕过。` }
}

export const muted = ({ title }) => new Error(wordsOf(WORDS).muted(title))

// -> a function of the inputs that differ: queues the prompt, tells queued(run), and gives a promise of the picture.
// Throws an Error that says why not.
export async function trialOf(node, queued) {
  const { output: prompt, workflow } = await app.graphToPrompt()
  const id = Object.keys(prompt).find((one) => one.split(':').at(-1) === String(node.id) && prompt[one].class_type === node.comfyClass)
  if (!id) throw muted(node)
  const source = pictureAfter(prompt, id)
  if (!source) return null
  const needed = Object.fromEntries([...upstream(prompt, source[0])].map((one) => [one, prompt[one]]))
  const shows = String(Math.max(...Object.keys(prompt).map((one) => Number(one.split(':')[0]))) + APART)
  return async (inputs) => {
    const output = {
      ...needed,
      [id]: { ...prompt[id], inputs: { ...prompt[id].inputs, ...inputs } },
      [shows]: { class_type: SHOWS, inputs: { images: source }, _meta: { title: node.title } }
    }
    const heard = listen('executed', ({ node, output }) => shown(shows, node, output))
    try {
      const { prompt_id: run } = await queue(0, { output, workflow })
      queued(run)
      return await heard.of(run)
    } finally {
      heard.stop()
    }
  }
}

// What waits of these runs does not begin.
export function takeBack(runs) {
  return api.fetchApi('/queue', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ delete: runs })
  })
}

// The picture, { filename, subfolder, type }, where it is this node that shows one.
function shown(shows, node, output) {
  if (String(node) !== shows) return undefined
  delete app.nodeOutputs?.[shows]
  return output.images[0]
}

// The picture that the first output node after this one is given.
function pictureAfter(prompt, id) {
  const outputs = Object.entries(prompt).filter(([one]) => upstream(prompt, one).has(id))
  for (const [, { class_type, inputs }] of outputs) {
    if (!isOutput(class_type)) continue
    const picture = Object.values(inputs).find((value) => Array.isArray(value) && givesPicture(prompt, value))
    if (picture && upstream(prompt, picture[0]).has(id)) return picture
  }
  return undefined
}

const dataOf = (kind) => LiteGraph.registered_node_types[kind]?.nodeData
const isOutput = (kind) => Boolean(dataOf(kind)?.output_node)
const givesPicture = (prompt, [id, slot]) => {
  const outputs = dataOf(prompt[id]?.class_type)?.outputs ?? []
  return outputs[slot]?.type === 'IMAGE'
}

export function upstream(prompt, id, seen = new Set()) {
  if (!prompt[id] || seen.has(id)) return seen
  seen.add(id)
  for (const value of Object.values(prompt[id].inputs)) if (Array.isArray(value)) upstream(prompt, String(value[0]), seen)
  return seen
}
