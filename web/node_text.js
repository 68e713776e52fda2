// What a run said under a node: line by line in both renderers, and gone when a person changes what it speaks of.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { spoken } from './editor/sentences.js'
import { chain, nodesOf, textWidgetOf } from './editor/widgets.js'

const ENDS = ['execution_success', 'execution_error', 'execution_interrupted']
const nodes = new Set()
const widgets = new WeakSet() // those that show it
const said = new Map() // node -> what the host was last told to show on it

// In the page's language. Nodes 2.0 reads the text as Markdown, where a line only ends after two spaces.
function keepLines(node) {
  const widget = textWidgetOf(node)
  if (!widget) return
  giveRoom(node, widget)
  const shown = widget.value === said.get(node)?.text ? spoken(widget.value) : widget.value
  const kept = shown.replace(/ *\n/g, '  \n')
  if (kept !== widget.value) widget.value = kept
}

const spaced = (text) => text.replace(/\s+/g, ' ').trim()

// What the classic renderer draws of a text, if it does: it stands for no node by itself.
function drawnAs(text) {
  const all = text ? document.querySelectorAll('.dom-widget .break-all') : []
  return [...all].find((one) => spaced(one.textContent) === text)?.closest('.dom-widget').firstElementChild
}

// The classic renderer's text breaks within words, and has room for two lines: here it has its words, and its lines.
function keepWhole(drawn) {
  drawn.style.maxHeight = 'none'
  Object.assign(drawn.querySelector('.break-all').style, { wordBreak: 'normal', overflowWrap: 'anywhere' })
}

function heightOf(drawn, width) {
  const measured = drawn.cloneNode(true)
  Object.assign(measured.style, { position: 'fixed', visibility: 'hidden', width: `${width}px`, height: 'auto' })
  drawn.after(measured)
  const { offsetHeight } = measured
  measured.remove()
  return offsetHeight
}

// Asked for by the host at every drawing, and also before there is a text to be measured.
function giveRoom(node, widget) {
  if (widgets.has(widget)) return
  widgets.add(widget)
  const { options, margin } = widget
  const least = options.getMinHeight
  let height = least()
  let drawn, last
  options.getMinHeight = () => {
    const text = spaced(widget.value)
    const width = node.size[0] - 2 * margin
    const now = `${width} ${text}`
    if (now === last && drawn?.isConnected) return height
    drawn = drawnAs(text)
    const measured = drawn ? heightOf(drawn, width) : 0 // while it is out of sight, too
    if (!measured) return height
    keepWhole(drawn)
    height = Math.max(least(), measured + 2 * margin)
    last = now
    return height
  }
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
