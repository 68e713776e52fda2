// The pictures with numbered boxes, and the faces alone: a click chooses one, with Ctrl several in an order.

import { api } from '../../../scripts/api.js'
import { crop, frames, loupe } from './face_picture.js'
import { FaceStrip } from './face_strip.js'
import { WORDS } from './face_words.js'
import { on, onResize } from './letgo.js'
import { addBar, addButton, addPanel, addStatus } from './panel.js'
import { colourOf } from './people.js'
import { addRun } from './run_alone.js'
import { option } from './sentences.js'
import { mark, numberOf, unitsPerPixel } from './svg.js'
import { rememberStep } from './widgets.js'
import { wordsOf } from './words.js'

const HEIGHT = 260

const addressOf = (file) => api.apiURL(`/view?${new URLSearchParams(file)}`)

// People by their numbers in a text such as '3, 1'; a face of which nobody chose before has its place's.
export const asNumbers = (people) => people.join(', ')
export const numbersIn = (text) => (text?.match(/\d+/g) ?? []).map(Number)
const personOf = ({ faces }, place) => faces[place].person ?? place + 1
const peopleOf = (picture) => picture.faces.map((_, place) => personOf(picture, place))
export const peopleAt = (picture, places) => places.map((place) => personOf(picture, place))
export const placesOf = (picture, people) => people.map((one) => peopleOf(picture).indexOf(one)).filter((place) => place >= 0)
export const absentFrom = (picture, people) => people.filter((one) => !peopleOf(picture).includes(one))

// A picker says by these what is chosen:
//   outputOf()       what the node said in its last run
//   chosen(picture)  the places, from 0, of the faces that go on, in their order
//   choose(places, picture)  makes it these of the picture
//   absent(picture)  the numbers that are asked for and are none of its faces
//   isOpen           whether all faces go on, as nothing chooses
//   isFixed          whether another node says which
//   rule             by which one is chosen, where no number is

export class FacePicker {
  // `inner`: a node of the subgraph that `node` is, which is run in its place.
  constructor(node, changed, inner) {
    this.node = node
    this.changed = changed
    this.inner = inner
    this.words = wordsOf(WORDS)
    this.page = 0
    this.current = 0
    this.element = addPanel(node, 'face picker', HEIGHT)
    this.bar = addBar(this.element)
    addRun(this.bar, node, this.words, (...said) => this.status(...said), this.inner)
    this.bar.append(Object.assign(document.createElement('span'), { className: 'likeness-gap' }))
    this.back = addButton(this.bar, 'chevron-left', this.words.previous, () => this.turn(-1))
    this.label = document.createElement('span')
    this.bar.append(this.label)
    this.on = addButton(this.bar, 'chevron-right', this.words.next, () => this.turn(1))
    this.svg = mark('svg', { class: 'likeness-plot', role: 'group', 'aria-label': this.words.pictures })
    this.element.append(this.svg)
    const pick = (number, event) => this.pick(number, event)
    this.faces = []
    this.strip = new FaceStrip(this.element, pick, (number) => this.point(number))
    this.status = addStatus(this.element)
    on(this.svg, 'click', (event) => pick(numberOf(event), event))
    on(this.svg, 'pointerover', (event) => this.point(numberOf(event)))
    on(this.svg, 'pointerleave', () => this.point(undefined))
    on(this.svg, 'keydown', (event) => this.key(event))
    on(this.svg, 'focusin', (event) => {
      this.current = numberOf(event) ?? this.current
      this.point(this.current)
    })
    on(this.svg, 'focusout', () => this.point(undefined))
    onResize(this.svg, () => this.draw(true)) // numbers keep their size
    this.draw()
  }

  // The pictures of a node's last run: one after the other where it ran once for each of a list.
  get pictures() {
    return (this.outputOf()?.likeness_faces ?? []).flat()
  }

  turn(by) {
    this.page += by
    this.current = 0
    this.draw()
  }

  // Every face with what its marks need. Without a Choose Face all of them go on.
  marked({ faces }, chosen) {
    const { isOpen } = this
    return faces.map((face, number) => {
      const { box, score } = face
      const person = personOf({ faces }, number)
      const place = chosen.indexOf(number)
      return {
        box,
        number,
        person,
        label: this.words.face(person, score),
        colour: isOpen || place >= 0 ? colourOf(person) : undefined,
        place: chosen.length > 1 ? place + 1 : 0,
        isPressed: chosen.includes(number),
        isFocusable: number === this.current
      }
    })
  }

  // Quietly: what was said last stays.
  draw(isQuiet = false) {
    const { pictures, words } = this
    this.page = Math.min(Math.max(this.page, 0), Math.max(pictures.length - 1, 0))
    const picture = pictures[this.page]
    for (const one of [this.back, this.label, this.on]) one.style.display = pictures.length > 1 ? '' : 'none'
    this.label.textContent = words.page(this.page + 1, pictures.length)
    this.back.disabled = this.page === 0
    this.on.disabled = this.page >= pictures.length - 1
    this.faces = []
    if (!picture) {
      this.svg.replaceChildren()
      this.strip.draw([])
      if (!isQuiet) this.status(words.empty)
      return
    }
    const focused = this.svg.contains(document.activeElement)
    const [width, height] = picture.size
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    const chosen = this.chosen(picture)
    this.faces = this.marked(picture, chosen)
    this.strip.draw(this.faces, picture.crops, picture.crops && addressOf(picture.crops.file))
    this.svg.replaceChildren(this.photo(picture), ...frames(this.faces, picture.size, unitsPerPixel(this.svg)))
    if (focused) this.focus()
    if (!isQuiet) this.tell(picture, chosen)
  }

  // The face that the pointer or the focus is on, enlarged beside its frame.
  point(number) {
    const picture = this.pictures[this.page]
    const face = this.faces[number]
    this.svg.querySelector('.likeness-loupe')?.remove()
    for (const box of this.svg.querySelectorAll('.likeness-box'))
      box.classList.toggle('likeness-pointed', Boolean(face) && Number(box.dataset.face) === number)
    if (!face || !picture?.crops) return
    const { crops, faces, size } = picture
    const alone = (place) => crop(crops, faces.length, addressOf(crops.file), number, place)
    this.svg.append(loupe(face, size, unitsPerPixel(this.svg), alone))
  }

  tell(picture, chosen) {
    const { words, rule } = this
    const { faces } = picture
    const absent = this.absent(picture)
    if (!faces.length) this.status(words.nobody)
    else if (this.isOpen) this.status(words.adds)
    else if (this.isFixed) this.status(words.linked)
    else if (absent.length) this.status(words.absent(absent, faces.length), true)
    else if (rule) this.status(words.byRule(option(rule)))
    else if (!chosen.length) this.status(words.click(faces.length), true)
    else this.status(words.chosen(chosen.map((number) => this.faces[number].person)))
  }

  photo({ file, size }) {
    return mark('image', { href: addressOf(file), width: size[0], height: size[1], preserveAspectRatio: 'none' })
  }

  // Chosen alone, or with Ctrl or Shift beside those that are; once more, and it is not.
  pick(number, { ctrlKey, metaKey, shiftKey }) {
    const picture = this.pictures[this.page]
    if (number === undefined || this.isFixed || !picture) return
    this.current = number
    const former = this.chosen(picture)
    const isFurther = (ctrlKey || metaKey || shiftKey) && former.length
    const rest = former.filter((one) => one !== number)
    const wanted = !isFurther ? [number] : rest.length < former.length ? rest : [...former, number]
    if (!wanted.length) return
    this.choose(wanted, picture)
    this.changed()
    this.focus()
    rememberStep()
  }

  focus() {
    for (const box of this.svg.querySelectorAll('.likeness-box'))
      box.setAttribute('tabindex', Number(box.dataset.face) === this.current ? 0 : -1)
    this.svg.querySelector(`[data-face="${this.current}"]`)?.focus({ preventScroll: true })
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const count = this.pictures[this.page]?.faces.length ?? 0
    const go = (to) => () => {
      this.current = Math.min(Math.max(to, 0), count - 1)
      this.focus()
    }
    const act = {
      ArrowLeft: go(this.current - 1),
      ArrowRight: go(this.current + 1),
      ArrowUp: go(this.current - 1),
      ArrowDown: go(this.current + 1),
      Home: go(0),
      End: go(count - 1),
      PageUp: () => this.turn(-1),
      PageDown: () => this.turn(1),
      Enter: () => this.pick(this.current, event),
      ' ': () => this.pick(this.current, event)
    }[event.key]
    if (!act || !count) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }
}
