// What a run said under a node: line by line in both renderers, and gone when a person changes what it speaks of.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import './editor/style.js'
import { spoken } from './editor/sentences.js'
import { chain, nodesOf, textWidgetOf } from './editor/widgets.js'

const ENDS = ['execution_success', 'execution_error', 'execution_interrupted']
const CLASS = 'likeness-said'
const NUMBER = 'data-likeness-text'
const nodes = new Set()
const said = new Map() // node -> what the host was last told to show on it

let count = 0 // of the widgets that show it

// In the page's language. Nodes 2.0 reads the text as Markdown, where a line only ends after two spaces.
function keepLines(node) {
  const widget = textWidgetOf(node)
  if (!widget) return
  giveRoom(node, widget)
  const shown = widget.value === said.get(node)?.text ? spoken(widget.value) : widget.value
  const kept = shown.replace(/ *\n/g, '  \n')
  if (kept !== widget.value) widget.value = kept
}

// The classic renderer has room for two lines of a text: it gets what they need. Asked for by the host at every drawing,
// also before there is a text to be measured.
function giveRoom(node, widget) {
  const { props } = widget // which the host binds to what it draws
  if (!props || props[NUMBER]) return
  const number = (count += 1)
  Object.assign(props, { class: CLASS, [NUMBER]: number })
  const { options, margin } = widget
  const least = options.getMinHeight
  let height = least()
  let last
  options.getMinHeight = () => {
    const width = node.size[0] - 2 * margin
    const now = `${width} ${widget.value}`
    if (now !== last && widget.value.trim()) {
      const measured = heightOf(number, width)
      if (measured) [height, last] = [Math.max(least(), measured + 2 * margin), now]
    }
    return height
  }
}

// Nothing as long as it is not drawn.
function heightOf(number, width) {
  const drawn = document.querySelector(`.dom-widget > [${NUMBER}="${number}"]`)
  if (!drawn) return 0
  const measured = drawn.cloneNode(true)
  Object.assign(measured.style, { position: 'fixed', visibility: 'hidden', width: `${width}px`, height: 'auto' })
  drawn.after(measured)
  const { offsetHeight } = measured
  measured.remove()
  return offsetHeight
}

// Blank rather than away: a node of another size would be a step of undo.
function forget(node) {
  const widget = textWidgetOf(node)
  if (widget) widget.value = widget.value.replace(/\S/g, '\u00a0')
  said.delete(node)
}

// Remembered at once: where a page is busy, the end of the run comes before it has shown what was said last.
api.addEventListener('progress_text', ({ detail }) => {
  const node = nodesOf(String(detail.nodeId)).at(-1)
  if (nodes.has(node)) said.set(node, detail)
  setTimeout(() => nodes.forEach(keepLines)) // when the host has shown it
})

// Newer pages take every text away when a run ends; what ours say is to be read then.
function showAgain() {
  for (const [node, { nodeId, text }] of said) {
    if (!textWidgetOf(node)) api.dispatchCustomEvent('progress_text', { nodeId, text })
  }
}

for (const end of ENDS) api.addEventListener(end, () => setTimeout(showAgain))

app.registerExtension({
  name: 'likeness.nodeText',

  nodeCreated(node) {
    if (!node.comfyClass?.startsWith('Likeness')) return
    nodes.add(node)
    chain(node, 'onRemoved', () => {
      nodes.delete(node)
      said.delete(node)
    })
    for (const widget of node.widgets ?? []) chain(widget, 'callback', () => forget(node))
  }
})
