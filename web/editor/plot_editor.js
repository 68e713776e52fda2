// What the editors with a plot share: the panel and its bar, the mark that the keys act on, the server's tables, and a
// value that is the text of one widget: empty while a preset decides.

import { app } from '../../../scripts/app.js'
import { addClipboard } from './clipboard.js'
import { on } from './letgo.js'
import { addBar, addButton, addPanel, addStatus, addUndo, hideHostPreview, widen } from './panel.js'
import { numberOf } from './svg.js'
import { read, tables } from './tables.js'
import { chain, isLinked, rememberStep, setValue, valueOf, watch, widgetOf } from './widgets.js'

// An editor says what it is by `static settings`:
//   panel, height  of the panel
//   text           the widget that holds the value
//   kind           of text, for the server's reader
//   presets        inputs whose choice by a person replaces the text; loading a workflow does not
//   choice         the one of them that says 'own' while the text decides, if there is one
//   inputs         all that decide what is drawn
// and has newPlot(), addTools(bar), asText(), draw(), grab(event), key(event), and read(text), which gives a promise when
// it has to ask the server.
const OWN = 'own'
const former = new Map() // node, by its graph and number, which outlive an undo -> the preset before its own values
const keyOf = (node) => `${node.graph?.id} ${node.id}`

export class PlotEditor {
  constructor(node, words) {
    Object.assign(this, { node, words, current: 0, problem: '', settings: this.constructor.settings })
    this.element = addPanel(node, this.settings.panel, this.settings.height)
    this.buildBar()
    this.status = addStatus(this.element)
    on(this.svg, 'pointerdown', (event) => this.grab(event))
    on(this.svg, 'keydown', (event) => this.key(event))
    on(this.svg, 'focusin', (event) => (this.current = numberOf(event) ?? this.current))
    tables().then(
      (known) => {
        this.known = known
        this.refresh()
      },
      (error) => this.status(words.failed(error.message), true)
    )
  }

  buildBar() {
    const { words } = this
    const bar = addBar(this.element)
    this.svg = this.newPlot()
    this.reset = addButton(bar, 'eraser', words.reset, () => this.write(''))
    this.addTools(bar)
    addClipboard(
      bar,
      this.svg,
      () => this.asText(),
      (text) => this.write(text.trim())
    )
    this.gap = Object.assign(document.createElement('span'), { className: 'likeness-gap' })
    bar.append(this.gap)
    addUndo(this.node, bar, words)
    this.element.append(this.svg)
  }

  get text() {
    return (valueOf(this.node, this.settings.text) ?? '').trim()
  }

  get isOwn() {
    return Boolean(this.text)
  }

  // Another node gives what is drawn: here it can only be looked at.
  get isFixed() {
    return this.settings.inputs.some((name) => isLinked(this.node, name))
  }

  refresh() {
    if (!this.known) return
    const { text } = this
    this.problem = ''
    const asked = this.read(text)
    if (asked) asked.then(() => text === this.text && this.draw()) // it may have changed while the server answered
    else this.draw()
  }

  // What the server makes of a text in another form than the editor's own.
  async ask(text, family) {
    try {
      return await read(this.settings.kind, text, family)
    } catch (error) {
      this.problem = error.message
      return null
    }
  }

  chosen(name) {
    const { presets, choice } = this.settings
    const saysOwn = name === choice && valueOf(this.node, choice) === OWN
    if (saysOwn && !this.text) this.keep(this.drawn()) // becomes one's own
    else if (!saysOwn && presets.includes(name) && this.text) this.keep('')
    else this.agree()
    this.refresh()
  }

  keep(text) {
    setValue(this.node, this.settings.text, text)
    this.agree()
  }

  // Whether a preset is chosen or these values are one's own.
  agree() {
    const { node, text } = this
    const { choice } = this.settings
    if (!choice || isLinked(node, choice)) return
    const chosen = valueOf(node, choice)
    if (text && chosen !== OWN) {
      former.set(keyOf(node), chosen)
      setValue(node, choice, OWN)
    } else if (!text && chosen === OWN) setValue(node, choice, former.get(keyOf(node)) ?? this.normal)
  }

  drawn() {
    return this.asText()
  }

  // The preset of a new node.
  get normal() {
    return widgetOf(this.node, this.settings.choice).options.values[0]
  }

  write(text) {
    if (this.isFixed) return
    this.keep(text)
    this.refresh()
    rememberStep()
  }

  // Draws anew and keeps the keys where they were.
  redraw(mark, drawing) {
    const focused = this.svg.contains(document.activeElement)
    drawing()
    if (focused) this.svg.querySelector(`[data-focus="${mark} ${this.current}"]`)?.focus({ preventScroll: true })
    this.reset.disabled = !this.isOwn || this.isFixed
  }
}

// Puts an editor on every node of a class; a picture of an earlier run is hidden where the editor shows all there is.
export function registerPlotEditor(name, kind, Editor, width, height, showsAll) {
  app.registerExtension({
    name,

    nodeCreated(node) {
      if (node.comfyClass !== kind) return
      const editor = new Editor(node)
      if (showsAll) hideHostPreview(node, () => showsAll(node))
      widen(node, width, height)
      watch(node, Editor.settings.inputs, (changed) => (changed ? editor.chosen(changed) : editor.refresh()))
      chain(node, 'onExecuted', () => editor.refresh())
    }
  })
}
