// A box on a node, as high as what is in it, for a while: the node is saved as it was without it.

import { letGo, onResize } from './letgo.js'
import { addPanel } from './panel.js'
import { chain, widgetOf } from './widgets.js'

const GAP = 10 // between two nodes
const MARGIN = 6
const FRAMES = 3 // in which a page has laid out a node anew

const latest = new WeakMap() // node -> the box that was put on it last

export class Attached {
  constructor(node, panel, box) {
    this.node = node
    this.height = 0
    this.bare = node.size[1]
    this.isShown = true
    this.box = box
    latest.set(node, this)
    this.element = addPanel(node, panel, 0)
    this.element.classList.add('likeness-attached')
    this.widget = widgetOf(node, panel)
    this.widget.computeLayoutSize = undefined // else it shares the room of a node that is drawn larger
    this.widget.computeSize = () => [0, this.height]
    this.widget.options.margin = MARGIN
    this.element.append(box)
    onResize(box, () => this.fit())
    chain(node, 'onSerialize', (saved) => {
      if (this.isShown) saved.size = [saved.size[0], this.bare]
    })
    node.setDirtyCanvas(true, true)
  }

  // The node grows into the room below it. Where a neighbour stands there, the box lies over the node's own foot.
  fit() {
    const wanted = this.box.offsetHeight + 2 * MARGIN
    if (!this.box.offsetHeight || wanted === this.wanted) return
    this.wanted = wanted
    const { node, bare } = this
    this.height = 0
    const isClassic = !this.element.closest('.lg-node')
    const unused = isClassic ? Math.max(bare - node.computeSize()[1], 0) : 0 // in Nodes 2.0 only the browser knows
    this.height = Math.min(wanted, unused + roomBelow(node, bare))
    this.element.style.minHeight = `${Math.max(this.height - 2 * MARGIN, 0)}px`
    node.setSize([node.size[0], Math.max(bare, node.computeSize()[1])])
    node.setDirtyCanvas(true, true)
  }

  remove() {
    letGo(this.element)
    this.node.removeWidget(this.widget)
    this.shrink(FRAMES)
  }

  // In Nodes 2.0 the browser tells the height with the box once more before it has laid out the node without it; saved as
  // a state, that would be a step to undo.
  shrink(frames) {
    const { node } = this
    node.setSize([node.size[0], this.bare])
    node.setDirtyCanvas(true, true)
    this.isShown = frames > 0 && latest.get(node) === this
    if (this.isShown) requestAnimationFrame(() => this.shrink(frames - 1))
  }
}

function roomBelow(node, height) {
  const [left, top] = node.pos
  const foot = top + height
  const rooms = (node.graph?._nodes ?? [])
    .filter((other) => other !== node && other.pos[0] < left + node.size[0] && other.pos[0] + other.size[0] > left)
    .map((other) => other.pos[1] - LiteGraph.NODE_TITLE_HEIGHT - GAP - foot)
    .filter((room) => room > -GAP - 1)
  return Math.max(Math.min(...rooms), 0)
}
