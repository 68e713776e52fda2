// Badges on a node for what it recognised in its last run: base model, variant, encoder, provider, how faces were found.
// In the node's body: Nodes 2.0 does not follow changes of the host's own badges.

import { app } from '../../scripts/app.js'
import { addPanel } from './editor/panel.js'
import { chain, outputOf, widgetOf } from './editor/widgets.js'

const NODES = ['LikenessLoadIPAdapter', 'LikenessLoadByPreset', 'LikenessLoadFaceModels', 'LikenessFindFaces']
const PANEL = 'recognised'
const HEIGHT = 22

class Badges {
  constructor(node) {
    this.node = node
    this.isStale = false
    this.element = addPanel(node, PANEL, HEIGHT)
    this.element.classList.add('likeness-badges')
    this.show()
  }

  show() {
    // A node that ran once for each of a list says it for each: every word once.
    const words = this.isStale ? [] : [...new Set((outputOf(this.node)?.likeness_badges ?? []).flat())]
    for (const badge of this.element.querySelectorAll('span')) badge.remove()
    this.element.append(...words.map((textContent) => Object.assign(document.createElement('span'), { textContent })))
    widgetOf(this.node, PANEL).hidden = !words.length // no room for nothing in the classic renderer
    this.node.graph?.setDirtyCanvas(true, true)
  }

  set(isStale) {
    this.isStale = isStale
    this.show()
  }
}

app.registerExtension({
  name: 'likeness.badges',

  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const badges = new Badges(node)
    // Another choice than that of the run: what was recognised is not what is chosen.
    for (const widget of node.widgets) chain(widget, 'callback', () => badges.set(true))
    chain(node, 'onExecuted', () => badges.set(false))
    chain(node, 'onConfigure', () => badges.show())
  }
})
