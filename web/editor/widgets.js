// The ordinary widgets in which an editor keeps its value: read, write, watch, and tell the host's undo.

import { app } from '../../../scripts/app.js'

export const widgetOf = (node, name) => node.widgets?.find((widget) => widget.name === name)

export const valueOf = (node, name) => widgetOf(node, name)?.value

// Whether another node gives this input, so that what the widget holds is not used.
export const isLinked = (node, name) => node.inputs?.some((input) => input.name === name && input.link != null) ?? false

// What a person has chosen on a node: the inputs that are widgets, and none that the page adds.
export function choicesOf(node) {
  const names = node.inputs.map((input) => input.widget?.name).filter(Boolean)
  return JSON.stringify(names.map((name) => valueOf(node, name)))
}

export function setValue(node, name, value) {
  const widget = widgetOf(node, name)
  if (!widget || widget.value === value) return
  widget.value = value
  if (!widget.element) widget.callback?.(value, app.canvas, node) // a text box calls it by itself
  node.graph?.setDirtyCanvas(true, true)
}

// One step of the host's undo: everything since the step before.
export function rememberStep() {
  app.extensionManager.workflow?.activeWorkflow?.changeTracker?.captureCanvasState?.()
}

// How many steps can be undone and redone; undefined where the host keeps them in another way.
export function steps() {
  const tracker = app.extensionManager.workflow?.activeWorkflow?.changeTracker
  return [tracker?.undoQueue?.length, tracker?.redoQueue?.length]
}

export const undo = () => app.extensionManager.command.execute('Comfy.Undo')
export const redo = () => app.extensionManager.command.execute('Comfy.Redo')

const TEXT = '$$node-text-preview' // the host's widget

// What the node says under itself, and the widget that shows it.
export const textWidgetOf = (node) => widgetOf(node, TEXT)
export const textOf = (node) => textWidgetOf(node)?.value ?? ''

// Calls after(...) whenever object.method(...) was called; what was there before stays.
export function chain(object, method, after) {
  const former = object[method]
  object[method] = function (...args) {
    const result = former?.apply(this, args)
    after.apply(this, args)
    return result
  }
}

// Calls changed(name) when a person or an editor changes one of these widgets, changed() when the node is loaded or linked.
export function watch(node, names, changed) {
  const heard = new WeakSet()
  const listen = () => {
    for (const name of names) {
      const widget = widgetOf(node, name)
      if (!widget || heard.has(widget)) continue
      heard.add(widget)
      chain(widget, 'callback', () => changed(name))
    }
  }
  listen()
  // A subgraph makes its widgets anew, and gets their values last.
  const loaded = () => {
    listen()
    changed()
  }
  chain(node, 'onConfigure', () => (node.subgraph ? setTimeout(loaded) : changed()))
  if (node.subgraph) chain(node, 'onAdded', () => setTimeout(loaded))
  if (node.subgraph) chain(node, 'onWidgetsMade', loaded)
  chain(node, 'onConnectionsChange', () => changed())
}

// What the node's last run sent to the page; it outlives undo, which makes every node anew.
export function outputOf(node) {
  const root = node.graph?.rootGraph ?? app.rootGraph ?? app.graph
  const place = node.graph && node.graph !== root ? `${node.graph.id}:${node.id}` : String(node.id)
  return app.nodeOutputs?.[place]
}

// The nodes behind an id of a prompt, from the root graph inwards: those of subgraphs are 'outer:inner'.
export function nodesOf(id) {
  let graph = app.rootGraph ?? app.graph
  return id.split(':').flatMap((step) => {
    const node = graph?.getNodeById(step)
    graph = node?.subgraph
    return node ?? []
  })
}
