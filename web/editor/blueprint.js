// Editors on a subgraph: the host gives it the widgets that it shows of the nodes within, and no others.

import { app } from '../../../scripts/app.js'
import { isLetGo, on, onResize, signalOf } from './letgo.js'
import { chain } from './widgets.js'

const EDITOR = 'likeness_editor' // the type of our widgets
const MARGIN = '12px'
const PAUSE = 200 // ms between two looks for a place
const ready = new WeakSet()

// Calls act() when the subgraph is first in a graph: newer pages make its widgets only then, and the host shows at once what
// is put on a copy that never is in one, as Ctrl+C makes.
export function whenAdded(node, act) {
  let isDone = false
  chain(node, 'onAdded', () => {
    if (!isDone) act()
    isDone = true
  })
}

// From here on widgets can be added to it, too, behind those or in their places.
export function takeWidgets(node) {
  const host = Object.getOwnPropertyDescriptor(node, 'widgets')
  if (!node.subgraph || !host?.get || ready.has(node)) return
  ready.add(node)
  const ours = [] // in the order in which they were put there
  let order = [] // names of all, as they were set last: the host makes its widgets anew
  let made = [] // the host's own, which it makes anew after an undo
  const all = () => {
    const hosts = host.get.call(node)
    if (hosts.length !== made.length || hosts.some((one, i) => one !== made[i])) {
      made = [...hosts]
      queueMicrotask(() => node.onWidgetsMade?.())
    }
    const there = [...hosts, ...ours]
    const placeOf = ({ name }) => (order.includes(name) ? order.indexOf(name) : order.length)
    return there.sort((a, b) => placeOf(a) - placeOf(b))
  }
  const { addCustomWidget, removeWidget } = node
  node.addCustomWidget = function (widget) {
    if (widget.type !== EDITOR) return addCustomWidget.call(this, widget)
    ours.push(widget)
    widget.setNodeId = undefined // by which newer pages list it in Nodes 2.0, before the host's own: stayInNode knows its place
    stayInNode(node, widget)
    return widget
  }
  node.removeWidget = function (widget) {
    const at = ours.indexOf(widget)
    if (at < 0) return removeWidget.call(this, widget)
    ours.splice(at, 1)
    widget.element.remove()
    widget.onRemove?.()
  }
  Object.defineProperty(node, 'widgets', {
    ...host,
    get: all,
    set: (wanted) => (order = (wanted ?? []).map(({ name }) => name))
  })
}

// Nodes 2.0 leaves our widgets out of a subgraph's: the element is put among its rows whenever it is nowhere.
function stayInNode(node, widget) {
  const { element } = widget
  for (const type of ['pointerdown', 'pointermove', 'pointerup']) on(element, type, (event) => isInNode(element) && event.stopPropagation())
  let isLooking = false
  const look = () => {
    isLooking = !element.isConnected && !isLetGo(element) && node.widgets.includes(widget)
    if (!isLooking) return
    if (LiteGraph.vueNodesMode && node.graph === app.canvas.graph) putInNode(node, widget)
    setTimeout(look, PAUSE)
  }
  onResize(element, () => isLooking || look())
  signalOf(element).addEventListener('abort', () => element.remove()) // nobody else does, and its room would stay
  setTimeout(look)
}

const isInNode = (element) => Boolean(element.closest('.lg-node'))

function putInNode(node, widget) {
  const rows = document.querySelector(`.lg-node[data-node-id="${node.id}"] .lg-node-widgets`)
  if (!rows) return
  const { widgets } = node
  const before = widgets.slice(0, widgets.indexOf(widget)).findLast((one) => one.type !== EDITOR || one.element.isConnected)
  const place = before?.element ?? rows.querySelectorAll('.lg-node-widget')[widgets.filter((one) => one.type !== EDITOR).indexOf(before)]
  // Beside the column of sockets; on the right the host's rows have the margin, and on newer pages the box around all.
  const marginRight = parseFloat(getComputedStyle(rows).paddingRight) ? '' : MARGIN
  Object.assign(widget.element.style, { gridColumn: '2 / -1', marginRight, width: 'auto', pointerEvents: 'auto', contain: 'size' })
  const row = [...rows.children].find((one) => one.contains(place)) // newer pages have a box around each
  if (row) row.after(widget.element)
  else rows.append(widget.element)
}
