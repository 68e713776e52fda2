// What a run said under a node: line by line in both renderers, and gone when a person changes what it speaks of.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { chain, widgetOf } from './editor/widgets.js'

const TEXT = '$$node-text-preview' // the host's widget for it
const nodes = new Set()

// Nodes 2.0 reads the text as Markdown, where a line only ends after two spaces.
function keepLines(node) {
  const widget = widgetOf(node, TEXT)
  const kept = widget?.value.replace(/ *\n/g, '  \n')
  if (kept !== widget?.value) widget.value = kept
}

// Blank rather than away: a node of another size would be a step of undo.
function forget(node) {
  const widget = widgetOf(node, TEXT)
  if (widget) widget.value = widget.value.replace(/\S/g, '\u00a0')
}

api.addEventListener('progress_text', () => setTimeout(() => nodes.forEach(keepLines))) // when the host has shown it

app.registerExtension({
  name: 'likeness.nodeText',

  nodeCreated(node) {
    if (!node.comfyClass?.startsWith('Likeness')) return
    nodes.add(node)
    chain(node, 'onRemoved', () => nodes.delete(node))
    for (const widget of node.widgets ?? []) chain(widget, 'callback', () => forget(node))
  }
})
