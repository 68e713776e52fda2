// The two settings on old nodes, which the server reads from ComfyUI's settings file; and "Replace All" on newer pages.

import { app } from '../../scripts/app.js'

// Newer pages keep the order in which a graph is drawn until its version changes, and "Replace All" does not change it:
// they would draw the nodes that it took away, fail at that, and never draw again.
const watched = new WeakSet() // graphs

function drawAnewAfterReplacing(graph) {
  if (!graph?.events?.addEventListener || watched.has(graph)) return
  watched.add(graph)
  graph.events.addEventListener('node:added', ({ detail }) => {
    if (detail?.node?.comfyClass?.startsWith('Likeness')) graph.incrementVersion?.()
  })
}

app.registerExtension({
  name: 'likeness.oldNodes',
  settings: [
    {
      id: 'Likeness.OldNodes.Compatible',
      name: 'Pictures as the old packs made them',
      category: ['Likeness', 'Old nodes', 'Compatible'],
      tooltip:
        "For old nodes whose 'compatible' is 'by setting': the middle block left out, a black picture as 'no reference' of plus adapters, noise and keypoints of Apply InstantID, sides of prompts by their place with DualCFG, Perp-Neg or SAG, values and pictures of InstantX on FLUX.",
      type: 'boolean',
      defaultValue: false
    },
    {
      id: 'Likeness.OldNodes.Register',
      name: 'Register the old node ids',
      category: ['Likeness', 'Old nodes', 'Register'],
      tooltip:
        "For programs that ask whether the nodes of ComfyUI_IPAdapter_plus, ComfyUI_InstantID, PuLID_ComfyUI and the two packs for FLUX are there. Only ids that no other pack has. Packs that call the old packs' Python classes will think that those are there. Takes effect when ComfyUI is started again.",
      type: 'boolean',
      defaultValue: false
    }
  ],

  afterConfigureGraph() {
    for (const graph of [app.graph, ...(app.graph.subgraphs?.values() ?? [])]) drawAnewAfterReplacing(graph)
  }
})
