// Badges on a node for what it recognised in its last run: base model, variant, encoder, provider, how faces were found.
// In the node's body: Nodes 2.0 does not follow changes of the host's own badges.

import { app } from '../../scripts/app.js'
import { addPanel } from './editor/panel.js'
import { spoken } from './editor/sentences.js'
import { chain, choicesOf, outputOf, widgetOf } from './editor/widgets.js'

const NODES = ['LikenessLoadIPAdapter', 'LikenessLoadByPreset', 'LikenessLoadFaceModels', 'LikenessFindFaces']
const PANEL = 'recognised'
const HEIGHT = 22
const SHORT = 20 // letters that have room on any node
const shown = new Map() // node -> its badges

// In one row: where there is no room a long one is cut off, rather than a short one, and whole under the pointer.
function badge(text) {
  const made = Object.assign(document.createElement('span'), { textContent: text, title: text })
  made.style.flexShrink = Math.max(text.length - SHORT, 0)
  return made
}

class Badges {
  constructor(node) {
    this.node = node
    this.element = addPanel(node, PANEL, HEIGHT)
    this.element.classList.add('likeness-badges')
    this.show()
  }

  // Another choice than that of the run: what was recognised is not what is chosen. Told from the run itself, which
  // outlives an undo and a look into another tab.
  get isStale() {
    const run = outputOf(this.node)?.likeness_choices
    return run !== undefined && run !== choicesOf(this.node)
  }

  remember() {
    const run = outputOf(this.node)
    if (run) run.likeness_choices = choicesOf(this.node)
    this.show()
  }

  show() {
    // A node that ran once for each of a list says it for each: every word once.
    const words = this.isStale ? [] : [...new Set((outputOf(this.node)?.likeness_badges ?? []).flat())]
    for (const badge of this.element.querySelectorAll('span')) badge.remove()
    this.element.append(...words.map((word) => badge(spoken(word))))
    widgetOf(this.node, PANEL).hidden = !words.length // no room for nothing in the classic renderer
    this.node.graph?.setDirtyCanvas(true, true)
  }
}

app.registerExtension({
  name: 'likeness.badges',

  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const badges = new Badges(node)
    shown.set(node, badges)
    chain(node, 'onRemoved', () => shown.delete(node))
    for (const widget of node.widgets) chain(widget, 'callback', () => badges.show())
    chain(node, 'onExecuted', () => badges.remember())
    chain(node, 'onConfigure', () => badges.show())
  },

  // What was run in a tab comes back after its nodes.
  onNodeOutputsUpdated() {
    shown.forEach((badges) => badges.show())
  }
})
