// Reference Weights: a row for each reference with its picture, weight and part of the sampling, and a canvas on which the
// region of the chosen one is drawn; the value is the text in 'references'.

import { api } from '../../scripts/api.js'
import { on } from './editor/letgo.js'
import { addButton, addSelect, relabel } from './editor/panel.js'
import { colourOf } from './editor/people.js'
import { PlotEditor, registerPlotEditor } from './editor/plot_editor.js'
import { drawCanvas, newCanvas, placeOf, shareAt } from './editor/reference_drawing.js'
import { referencesOf } from './editor/reference_pictures.js'
import { PLAIN, asText, numberOf, rowsOf } from './editor/reference_text.js'
import { WORDS } from './editor/reference_words.js'
import { follow, pointAt } from './editor/svg.js'
import { chain, rememberStep } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const START = '1, 1'
const LEAST = 0.02 // of the canvas: what is smaller was a click
const APART = 0.012 // of the canvas, between points of an outline
const FIELDS = { weight: { min: 0, step: 0.05 }, start: { min: 0, max: 1, step: 0.05 }, end: { min: 0, max: 1, step: 0.05 } }
const REGIONS = {
  none: [],
  left: [[0, 0, 0.5, 1]],
  right: [[0.5, 0, 1, 1]],
  top: [[0, 0, 1, 0.5]],
  bottom: [[0, 0.5, 1, 1]]
}
const open = new Set()

const rectangle = ([x0, y0, x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
const far = ([x0, y0], [x1, y1]) => Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))

class ReferenceEditor extends PlotEditor {
  static settings = {
    panel: 'reference rows',
    height: 420,
    text: 'references',
    kind: 'references',
    presets: [],
    inputs: ['references']
  }

  constructor(node) {
    super(node, wordsOf(WORDS))
    this.rows = null
    open.add(this)
    chain(node, 'onRemoved', () => open.delete(this))
  }

  newPlot() {
    return newCanvas(this.words.canvas)
  }

  buildBar() {
    super.buildBar()
    this.list = Object.assign(document.createElement('div'), { className: 'likeness-references' })
    this.list.setAttribute('role', 'list')
    on(this.list, 'change', (event) => this.typed(event.target))
    on(this.list, 'focusin', (event) => this.choose(Number(event.target.closest('[data-row]')?.dataset.row)))
    this.element.append(this.list)
  }

  addTools(bar) {
    const { words } = this
    addButton(bar, 'plus', words.add, () => this.change((rows) => [...rows, { ...PLAIN, of: rows.at(-1)?.of ?? 'latent' }], 1))
    addButton(bar, 'trash', words.remove, () => this.change((rows) => rows.filter((_, i) => i !== this.current)))
    addSelect(bar, words.region, words.regions, (name) => this.set({ mask: REGIONS[name].map(rectangle) }))
  }

  asText() {
    return this.rows ? asText(this.rows) : this.text
  }

  write(text) {
    super.write(text || START)
  }

  read(text) {
    this.rows = rowsOf(text || START)
    if (!this.rows) return this.ask(text).then((found) => (this.rows = found?.rows ?? null))
  }

  // One thing that a person did: it is one step of undo. The last row stays.
  change(act, forward = 0) {
    if (!this.rows || this.isFixed) return
    const rows = act(this.rows)
    if (!rows.length) return
    this.current = Math.min(forward ? rows.length - 1 : this.current, rows.length - 1)
    this.write(asText(rows))
  }

  set(settings) {
    this.change((rows) => rows.map((row, i) => (i === this.current ? { ...row, ...settings } : row)))
  }

  typed(field) {
    const name = field.dataset.focus.split(' ')[0]
    this.current = Number(field.closest('[data-row]').dataset.row)
    if (name === 'of') return this.set({ of: field.value })
    const value = Number(field.value)
    const { min, max = Infinity } = FIELDS[name]
    if (field.value === '' || !Number.isFinite(value)) return this.draw()
    this.set({ [name]: Math.min(Math.max(value, min), max) })
  }

  choose(number) {
    if (!Number.isInteger(number) || number === this.current) return
    this.current = number
    this.draw()
  }

  draw() {
    const { rows, isFixed } = this
    this.around = referencesOf(this.node)
    this.place = placeOf(this.around.size ?? [1, 1])
    this.current = Math.min(Math.max(this.current, 0), Math.max((rows?.length ?? 1) - 1, 0))
    this.drawCanvas()
    this.drawRows(rows ?? [])
    this.reset.disabled = this.text === START || isFixed
    this.tell()
  }

  drawCanvas(drawn) {
    const { current, place } = this
    drawCanvas(this.svg, { rows: this.rows ?? [], current, place, drawn })
  }

  // Fields stay where they are, so that the keys do.
  drawRows(rows) {
    while (this.list.children.length > rows.length) this.list.lastChild.remove()
    rows.forEach((row, i) => {
      const place = this.list.children[i] ?? this.list.appendChild(this.newRow(i))
      this.fill(place, row, i, rows)
    })
  }

  newRow(i) {
    const { words } = this
    const row = Object.assign(document.createElement('div'), { className: 'likeness-reference' })
    row.dataset.row = i
    row.setAttribute('role', 'listitem')
    const crop = Object.assign(document.createElement('button'), { type: 'button', className: 'likeness-crop' })
    crop.dataset.focus = `row ${i}`
    on(crop, 'click', () => this.choose(i))
    crop.append(new Image(), Object.assign(document.createElement('span'), { className: 'likeness-number' }))
    const kind = document.createElement('select')
    kind.dataset.focus = `of ${i}`
    relabel(kind, words.kind)
    kind.append(...Object.entries(words.of).map(([value, text]) => new Option(text, value)))
    row.append(crop, kind)
    for (const [name, limits] of Object.entries(FIELDS)) {
      const field = Object.assign(document.createElement('input'), { type: 'number', ...limits })
      field.dataset.focus = `${name} ${i}`
      const label = document.createElement('label')
      label.append(words[name], field)
      row.append(label)
    }
    row.append(Object.assign(document.createElement('span'), { className: 'likeness-where' }))
    return row
  }

  fill(place, row, i, rows) {
    const { words, isFixed } = this
    const number = numberOf(rows, i)
    const name = words.named(row.of, number)
    const [crop, kind] = place.children
    const [image, badge] = crop.children
    const address = this.around[row.of][number - 1] ?? ''
    if (image.getAttribute('src') !== address) image.setAttribute('src', address)
    image.hidden = !address
    image.alt = ''
    badge.textContent = number
    badge.style.background = crop.style.outlineColor = colourOf(i + 1)
    relabel(crop, name)
    crop.setAttribute('aria-pressed', i === this.current)
    place.setAttribute('aria-current', i === this.current)
    place.setAttribute('aria-label', name)
    kind.value = row.of
    kind.disabled = isFixed
    for (const field of place.querySelectorAll('input')) {
      const setting = field.dataset.focus.split(' ')[0]
      field.setAttribute('aria-label', `${name}: ${words[setting]}`)
      field.disabled = isFixed
      if (Number(field.value) !== row[setting] || field.value === '') field.value = row[setting]
    }
    place.lastChild.textContent = [words.where(row.mask.length), ...(row.schedule ? [words.course] : [])].join(', ')
  }

  tell() {
    if (this.problem) this.status(this.problem, true)
    else this.status(this.isFixed ? this.words.linked : this.words.hint)
  }

  grab(event) {
    if (event.button !== 0 || !this.rows || this.isFixed) return
    const { place } = this
    const first = shareAt(pointAt(this.svg, event), place)
    let outline = [first]
    const moving = (move) => {
      const at = shareAt(pointAt(this.svg, move), place)
      if (move.shiftKey) outline = rectangle([...first, ...at])
      else if (far(outline.at(-1), at) > APART) outline = [...outline, at]
      this.drawCanvas(outline)
    }
    follow(this.svg, event, moving, () => {
      const isRegion = outline.length > 2 && outline.some((point) => far(first, point) > LEAST)
      if (isRegion) this.set({ mask: [...this.rows[this.current].mask, outline] })
      else this.drawCanvas()
    })
  }

  key() {}
}

api.addEventListener('graphChanged', () => open.forEach((editor) => editor.known && editor.draw()))

registerPlotEditor('likeness.referenceWeights', 'LikenessReferenceWeights', ReferenceEditor, 460)
