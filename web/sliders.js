// Numbers to drag: a track under those whose usual part of the range is small, and typed values for the host's sliders.

import { app } from '../../scripts/app.js'
import { whenAdded } from './editor/blueprint.js'
import { Track } from './editor/track.js'
import { promotedOf } from './editor/upstream.js'
import { widgetOf } from './editor/widgets.js'

const KEY = 'likeness_usual'
const tracks = new Map() // node class -> [[input, its settings], ...] of the inputs that have a track

// The classic canvas' slider takes no typed value: a double click asks for one, as a click on a number does.
function askOnDoubleClick(widget) {
  let pressed = -Infinity
  let before
  widget.onPointerDown = (pointer, node, canvas) => {
    const e = pointer.eDown
    if (e.timeStamp - pressed > pointer.constructor.doubleClickTime) before = widget.value
    pressed = e.timeStamp
    const set = (value) => widget.setValue(value, { e, node, canvas })
    pointer.onClick = () => widget.onClick({ e, node, canvas })
    pointer.onDrag = (move) => widget.onDrag({ e: move, node, canvas })
    pointer.onDoubleClick = () => {
      set(before)
      const { min, max } = widget.options
      const take = (text) => {
        const value = Number(String(text).trim().replace(',', '.') || NaN)
        if (!Number.isNaN(value)) set(Math.min(Math.max(value, min), max))
      }
      canvas.prompt(widget.label ?? widget.name, before, take, e)
    }
    pointer.finally = () => (canvas.node_widget = null)
    return true
  }
}

// On a blueprint, under the numbers that it shows of the nodes within.
function addPromoted(node) {
  if (app.extensionManager.setting.get('Comfy.DisableSliders')) return
  for (const { name, inner, input } of promotedOf(node)) {
    const [, settings] = tracks.get(inner.comfyClass)?.find(([one]) => one === input) ?? []
    const widget = widgetOf(node, name)
    if (settings && widget) new Track(node, widget, settings[1][KEY], settings[1].default)
  }
}

app.registerExtension({
  name: 'likeness.sliders',

  beforeRegisterNodeDef(_, { name, input }) {
    const inputs = Object.entries({ ...input?.required, ...input?.optional })
    const found = inputs.filter(([, spec]) => spec[1]?.[KEY])
    if (found.length) tracks.set(name, found)
  },

  nodeCreated(node) {
    if (node.subgraph) return whenAdded(node, () => addPromoted(node))
    if (!node.comfyClass?.startsWith('Likeness') || app.extensionManager.setting.get('Comfy.DisableSliders')) return
    for (const [name, [, settings]] of tracks.get(node.comfyClass) ?? [])
      new Track(node, widgetOf(node, name), settings[KEY], settings.default)
    for (const widget of node.widgets ?? []) if (widget.type === 'slider') askOnDoubleClick(widget)
  }
})
