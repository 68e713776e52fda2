// Runs one node with what it needs and nothing else, though the host runs output nodes only: the prompt that is sent, and
// nothing on the canvas, has a further node that looks at this one's last output.

import { app } from '../../../scripts/app.js'
import { listen } from './heard.js'
import { addButton } from './panel.js'
import { queue } from './refused.js'
import { muted, upstream } from './trial.js'

const LOOKS = 'PreviewAny' // the host's

// A button for it; words: { run, running, failed(why) }, said by status(text, isWrong). What a run that succeeds says is
// what the node shows then.
// `inner`: a node of the subgraph that `node` is, which is run in its place.
export function addRun(bar, node, words, status, inner) {
  const button = addButton(bar, 'play', words.run, async () => {
    const heard = listen('execution_success', () => true)
    button.disabled = true
    status(words.running)
    try {
      const run = await runAlone(node, inner)
      button.disabled = false // while it waits too: it may wait for long
      await heard.of(run)
    } catch (error) {
      status(words.failed(error.message), true)
    }
    heard.stop()
    button.disabled = false
  })
}

// -> the run that is queued. Throws an Error that says why none is.
async function runAlone(outer, inner) {
  const { output, workflow } = await app.graphToPrompt()
  const node = inner ?? outer
  const steps = inner ? [outer, inner] : [outer]
  const path = steps.map((one) => String(one.id))
  const own = (id) => id.split(':').slice(-path.length).join(':') === path.join(':') && output[id].class_type === node.comfyClass
  const id = Object.keys(output).find(own)
  if (!id) throw muted(node)
  const needed = Object.fromEntries([...upstream(output, id)].map((one) => [one, output[one]]))
  const further = String(Math.max(...Object.keys(output).map((one) => Number(one.split(':')[0]))) + 1)
  needed[further] = { class_type: LOOKS, inputs: { source: [id, node.outputs.length - 1] }, _meta: { title: node.title } }
  const { prompt_id: run } = await queue(-1, { output: needed, workflow }) // before what waits
  return run
}

