// Why a node failed, on the node itself and in one toast with its title: the host's own says only that it failed.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { EVENT } from './download.js'
import { Strip } from './editor/strip.js'
import { understood } from './editor/sentences.js'
import { isFedBy } from './editor/upstream.js'
import { chain, nodesOf } from './editor/widgets.js'
import { remediesOf } from './remedies.js'

const FOLDER = new URL('.', import.meta.url).pathname.split('/').at(-2) // the pack's, in which its files are imported

const strips = new Map() // node -> the message on it
let dismissToast = () => {}
let stopWatching = () => {}

// Ours are the nodes of the pack, and others while they run its code: a sampler with a reference on its model.
function isOurs(node, { node_type, traceback }) {
  if (node?.comfyClass !== node_type) return false // of a workflow in another tab
  const last = traceback?.at(-1)?.replaceAll('\\', '/') ?? ''
  return node_type.startsWith('Likeness') || last.includes(`/${FOLDER}/`)
}

function failed({ detail }) {
  clear()
  const nodes = nodesOf(String(detail.node_id))
  const node = nodes.at(-1)
  if (!isOurs(node, detail)) return
  const said = understood(detail.exception_message.trim())
  const remedies = remediesOf(node, said).map(({ label, act, file }) => ({ label, file, act: () => act(clear) }))
  for (const one of nodes) strips.set(one, new Strip(one, said.text, remedies, clear))
  dismissToast = showToast(node.title, said.text)
  keepHostToastAway()
}

// What takes it away again: newer pages give a toast's number, older ones want the toast itself.
function showToast(summary, detail) {
  const { toast } = app.extensionManager
  if (toast.dismiss) {
    const number = toast.error(summary, { description: detail })
    return () => toast.dismiss(number)
  }
  const message = { severity: 'error', summary, detail }
  toast.add(message)
  return () => toast.remove(message)
}

// The host's says of every failure the same, over the place where ours is; what it knows stays in its panel of errors.
// Newer pages show it when the run is known to them, which may be after the message.
function keepHostToastAway() {
  const store = app.extensionManager._p?._s.get('executionError')
  const dismiss = () => {
    const { hasPromptError, hasNodeError, hasMissingError } = store
    if (!hasPromptError && !hasNodeError && !hasMissingError) store.dismissErrorOverlay()
  }
  if (!store) return
  dismiss()
  stopWatching = store.$subscribe(dismiss)
}

function clear() {
  for (const strip of strips.values()) strip.remove()
  strips.clear()
  dismissToast()
  dismissToast = () => {}
  stopWatching()
  stopWatching = () => {}
}

function downloaded({ detail }) {
  if (detail.state === 'done' && [...strips.values()].some((strip) => strip.waitsFor(detail.file))) clear()
  else for (const strip of strips.values()) strip.tell(detail)
}

app.registerExtension({
  name: 'likeness.messages',

  setup() {
    api.addEventListener('execution_error', failed)
    api.addEventListener('execution_start', clear)
    api.addEventListener(EVENT, downloaded)
  },

  afterConfigureGraph: clear,

  // The cause may be mended on another node, of which the one that failed gets something.
  nodeCreated(node) {
    const changed = () => {
      if (strips.size && [...strips.keys()].some((failed) => failed === node || isFedBy(failed, node))) clear()
    }
    for (const widget of node.widgets ?? []) chain(widget, 'callback', changed)
    chain(node, 'onConnectionsChange', changed)
    chain(node, 'onRemoved', changed)
  }
})
