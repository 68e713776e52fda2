// What a run said under a node: line by line in both renderers, and gone when a person changes what it speaks of.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { spoken } from './editor/sentences.js'
import { chain, nodesOf, widgetOf } from './editor/widgets.js'

const TEXT = '$$node-text-preview' // the host's widget for it
const ENDS = ['execution_success', 'execution_error', 'execution_interrupted']
const DRAWN = 100 // ms, after which the text is on the page
const nodes = new Set()
const said = new Map() // node -> what the host was last told to show on it

// In the page's language. Nodes 2.0 reads the text as Markdown, where a line only ends after two spaces.
function keepLines(node) {
  const widget = widgetOf(node, TEXT)
  if (!widget) return
  const shown = widget.value === said.get(node)?.text ? spoken(widget.value) : widget.value
  const kept = shown.replace(/ *\n/g, '  \n')
  if (kept !== widget.value) widget.value = kept
}

// The classic renderer's text breaks within words.
function keepWords() {
  const spaced = (text) => text.replace(/\s+/g, ' ').trim()
  const texts = new Set([...said.values()].map(({ text }) => spaced(text)))
  for (const element of document.querySelectorAll('.dom-widget .break-all'))
    if (texts.has(spaced(element.innerText))) Object.assign(element.style, { wordBreak: 'normal', overflowWrap: 'anywhere' })
}

// Blank rather than away: a node of another size would be a step of undo.
function forget(node) {
  const widget = widgetOf(node, TEXT)
  if (widget) widget.value = widget.value.replace(/\S/g, '\u00a0')
  said.delete(node)
}

// Remembered at once: where a page is busy, the end of the run comes before it has shown what was said last.
api.addEventListener('progress_text', ({ detail }) => {
  const node = nodesOf(String(detail.nodeId)).at(-1)
  if (nodes.has(node)) said.set(node, detail)
  setTimeout(() => nodes.forEach(keepLines)) // when the host has shown it
  setTimeout(keepWords, DRAWN)
})

// Newer pages take every text away when a run ends; what ours say is to be read then.
function showAgain() {
  for (const [node, { nodeId, text }] of said) {
    if (!widgetOf(node, TEXT)) api.dispatchCustomEvent('progress_text', { nodeId, text })
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
