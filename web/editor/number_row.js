// A number that people count from 1, in place of the widget that keeps it counted from 0.

import { on } from './letgo.js'
import { made } from './meter.js'
import { addPanelUnder } from './panel.js'
import { isLinked, rememberStep, setValue, watch, widgetOf } from './widgets.js'

const HEIGHT = 26

// words: { number, numberHint, numberLinked }; changed() when a person has set it.
export function addNumber(node, name, words, changed) {
  const widget = widgetOf(node, name)
  const row = made('label', 'likeness-count')
  const box = Object.assign(document.createElement('input'), { type: 'number', min: widget.options.min + 1, max: widget.options.max + 1 })
  box.dataset.focus = `number ${name}`
  row.append(made('span', '', words.number), box)
  addPanelUnder(node, widget, `${name} from 1`, HEIGHT).append(row)
  widget.hidden = widget.options.hidden = true // for the classic renderer, and for Nodes 2.0
  const draw = () => {
    box.value = widget.value + 1
    box.disabled = isLinked(node, name)
    row.title = box.disabled ? words.numberLinked : words.numberHint
  }
  on(box, 'keydown', (event) => event.stopPropagation()) // the host's keys are for nodes
  on(box, 'change', () => {
    const wanted = Math.round(Number(box.value))
    const { min, max } = widget.options
    if (Number.isFinite(wanted) && box.value) setValue(node, name, Math.min(Math.max(wanted - 1, min), max))
    draw()
    changed()
    rememberStep()
  })
  watch(node, [name], draw)
  draw()
}
