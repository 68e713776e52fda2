// What an editor holds is let go with its node, which the host may keep for long: listeners, observers and what is drawn.

const aborts = new WeakMap() // element -> what ends its listeners

// Ends when the editor that the element is in is let go: for what lies outside of it.
export function signalOf(element) {
  if (!aborts.has(element)) aborts.set(element, new AbortController())
  return aborts.get(element).signal
}

// element.addEventListener, until the editor that the element is in is let go, or `until`, a signal.
export function on(element, type, act, { until, ...options } = {}) {
  const own = signalOf(element)
  element.addEventListener(type, act, { ...options, signal: until ? AbortSignal.any([own, until]) : own })
}

// Calls act() when the element has another size.
export function onResize(element, act) {
  const observer = new ResizeObserver(act)
  observer.observe(element)
  signalOf(element).addEventListener('abort', () => observer.disconnect(), { once: true })
}

export const isLetGo = (element) => aborts.get(element)?.signal.aborted ?? false

export function letGo(panel) {
  const all = [panel, ...panel.querySelectorAll('*')]
  signalOf(panel)
  for (const one of all) {
    aborts.get(one)?.abort()
    one.replaceChildren()
  }
}

// When its node is gone, and not where it is only moved: a script may take it out and put it in again.
export function letGoWith(node, panel) {
  const removed = node.onRemoved
  node.onRemoved = function (...args) {
    const result = removed?.apply(this, args)
    setTimeout(() => isThere(node) || letGo(panel))
    return result
  }
}

// In a graph that is still one of the workflow's.
function isThere(node) {
  const { graph } = node
  if (graph?.getNodeById(node.id) !== node) return false
  const root = graph.rootGraph ?? graph
  return root === graph || root.subgraphs?.get(graph.id) === graph
}
