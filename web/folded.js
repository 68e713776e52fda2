// In Nodes 2.0 advanced inputs are folded away: a node that is as high as with all of them would have an empty foot.

import { app } from '../../scripts/app.js'
import { chain } from './editor/widgets.js'

const GAP = 4 // between two widgets in the classic renderer
const ROUNDED = 8 // pixels that a saved height may differ

const isFolded = ({ advanced, options, hidden }) => !hidden && Boolean(advanced ?? options?.advanced)
const stretches = ({ computeLayoutSize, element, hidden }) =>
  !hidden && Boolean(element) && typeof computeLayoutSize === 'function'

// A higher one was made so by a person, and an editor that takes all the room has a use for it.
function fit(node) {
  if (!LiteGraph.vueNodesMode || node.showAdvanced || node.widgets.some((one) => stretches(one) && !isFolded(one))) return
  const [, whole] = node.computeSize()
  const folded = node.widgets.filter(isFolded)
  const rows = folded.map((widget) => (widget.computeSize?.(node.size[0])[1] ?? LiteGraph.NODE_WIDGET_HEIGHT) + GAP)
  if (rows.length && node.size[1] <= whole + ROUNDED) node.setSize([node.size[0], whole - rows.reduce((a, b) => a + b)])
}

app.registerExtension({
  name: 'likeness.folded',

  nodeCreated(node) {
    if (!node.comfyClass?.startsWith('Likeness') || !node.widgets?.some(isFolded)) return
    queueMicrotask(() => fit(node)) // when all editors are on it
    chain(node, 'onConfigure', () => fit(node))
  }
})
