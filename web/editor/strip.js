// A strip with a text and buttons on a node, as high as they are, for a while: the node is saved as it was without it.

import { addPanel } from './panel.js'
import { chain, widgetOf } from './widgets.js'
import { wordsOf } from './words.js'

const PANEL = 'message'
const GAP = 10 // between two nodes
const MARGIN = 6

const WORDS = { en: { close: 'Close' }, zh: { close: '关闭' } }

export class Strip {
  // remedies: [{ label, act, file? }, ...], `file` the one that it downloads.
  constructor(node, text, remedies, closed) {
    this.node = node
    this.height = 0
    this.bare = node.size[1]
    this.isShown = true
    this.element = addPanel(node, PANEL, 0)
    this.element.classList.add('likeness-message')
    this.widget = widgetOf(node, PANEL)
    this.widget.computeLayoutSize = undefined // else it shares the room of a node that is drawn larger
    this.widget.computeSize = () => [0, this.height]
    this.widget.options.margin = MARGIN
    this.box = document.createElement('div')
    this.box.setAttribute('role', 'alert')
    const close = button('×', closed)
    close.className = 'likeness-close'
    close.setAttribute('aria-label', wordsOf(WORDS).close)
    this.box.append(close, Object.assign(document.createElement('p'), { textContent: text }))
    this.buttons = remedies.map(({ label, act, file }) => Object.assign(button(label, act), { file, label }))
    this.box.append(...this.buttons)
    this.element.append(this.box)
    this.observer = new ResizeObserver(() => this.fit())
    this.observer.observe(this.box)
    chain(node, 'onSerialize', (saved) => {
      if (this.isShown) saved.size = [saved.size[0], this.bare]
    })
    node.setDirtyCanvas(true, true)
  }

  // The node grows into the room below it. Where a neighbour stands there, the strip lies over the node's own foot.
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

  waitsFor = (file) => this.buttons.some((one) => one.file === file)

  // How much of a file has arrived, on the button that gets it.
  tell({ file, state, received, total }) {
    for (const one of this.buttons.filter((each) => each.file === file)) {
      one.disabled = state === 'running'
      const share = total ? `${Math.floor((100 * received) / total)} %` : `${Math.round(received / 1e6)} MB`
      one.textContent = state === 'running' ? `${one.label}: ${share}` : one.label
    }
  }

  remove() {
    const { node } = this
    this.isShown = false
    this.observer.disconnect()
    node.removeWidget(this.widget)
    node.setSize([node.size[0], this.bare])
    node.setDirtyCanvas(true, true)
  }
}

function button(textContent, clicked) {
  const made = Object.assign(document.createElement('button'), { type: 'button', textContent })
  made.addEventListener('click', clicked)
  return made
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
