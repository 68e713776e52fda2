// Runs one node with what it needs and nothing else, though the host runs output nodes only: the prompt that is sent, and
// nothing on the canvas, has a further node that looks at this one's last output.

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { addButton } from './panel.js'
import { upstream } from './trial.js'

const LOOKS = 'PreviewAny' // the host's

// A button for it; words: { run, running, failed(why) }, said by status(text, isWrong).
export function addRun(bar, node, words, status) {
  const button = addButton(bar, 'play', words.run, async () => {
    button.disabled = true
    status(words.running)
    try {
      await runAlone(node)
    } catch (error) {
      status(words.failed(error.message), true)
    }
    button.disabled = false
  })
}

// Throws an Error that says why not.
async function runAlone(node) {
  const { output, workflow } = await app.graphToPrompt()
  const own = (id) => id.split(':').at(-1) === String(node.id) && output[id].class_type === node.comfyClass
  const id = Object.keys(output).find(own)
  if (!id) throw new Error(`${node.title}: muted`)
  const needed = Object.fromEntries([...upstream(output, id)].map((one) => [one, output[one]]))
  const further = String(Math.max(...Object.keys(output).map((one) => Number(one.split(':')[0]))) + 1)
  needed[further] = { class_type: LOOKS, inputs: { source: [id, node.outputs.length - 1] }, _meta: { title: node.title } }
  await api.queuePrompt(-1, { output: needed, workflow }) // before what waits
}

