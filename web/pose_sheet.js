// Pose Sheet: a tile for each picture, in it the heads, to turn by dragging; the value is the text in 'poses'.

import { framed, smallHead } from './editor/framing.js'
import { middleOf, moved, turnedHead } from './editor/face_shape.js'
import { on } from './editor/letgo.js'
import { made } from './editor/meter.js'
import { addButton, addSelect } from './editor/panel.js'
import { PlotEditor, registerPlotEditor } from './editor/plot_editor.js'
import { asText, posesOf, wordOf } from './editor/pose_text.js'
import { PoseTiles, newTiles } from './editor/pose_tiles.js'
import { WORDS } from './editor/pose_words.js'
import { batchOf } from './editor/sampler_steps.js'
import { follow, pointAt } from './editor/svg.js'
import { isLinked, outputOf, rememberStep, setValue, valueOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const TURN = 5 // degrees of a key
const FARTHEST = [90, 60, 180] // yaw, pitch, roll that a drag reaches
const MOST = 64
const SETS = {
  turnaround: (known) => known.turnaround,
  directions: (known) => Object.keys(known.poses),
  pairs: () => ['frontal', 'three-quarter left', 'three-quarter right']
}

class PoseEditor extends PlotEditor {
  static settings = {
    panel: 'pose tiles',
    height: 370,
    text: 'poses',
    kind: 'poses',
    presets: [],
    inputs: ['poses', 'people', 'framing', 'width', 'height']
  }

  constructor(node) {
    super(node, wordsOf(WORDS))
    this.lines = null
    this.person = 0
    // When the button is let go: at once, what comes to lie under the pointer would get the focus.
    on(this.svg, 'click', (event) => event.target.closest('.likeness-plus') && this.addLast())
  }

  newPlot() {
    return newTiles(this.words.tiles)
  }

  addTools(bar) {
    const { words } = this
    addSelect(bar, words.sets, words.set, (name) => this.write(SETS[name](this.known.heads).join('\n')))
    addSelect(bar, words.pose, words.poses, (name) => this.change(() => this.pose([...this.angles[name], 0])))
    addButton(bar, 'plus', words.add, () => this.change(() => this.add()))
    addButton(bar, 'trash', words.remove, () => this.change(() => this.remove()))
    addButton(bar, 'arrows-h', words.mirror, () => this.change(() => this.mirror()))
    this.warning = made('span', 'likeness-warning')
    bar.append(this.warning)
  }

  asText() {
    return this.lines ? asText(this.lines, this.angles) : this.text
  }

  get angles() {
    return this.known.heads.angles
  }

  get people() {
    return valueOf(this.node, 'people')
  }

  get isFixed() {
    return ['poses', 'people', 'framing'].some((name) => isLinked(this.node, name))
  }

  get run() {
    return outputOf(this.node)?.likeness_poses?.[0]
  }

  // [width, height] of the pictures that the node will draw.
  get size() {
    const isGiven = ['width', 'height', 'latent'].some((name) => isLinked(this.node, name))
    if ((isGiven || this.isFixed) && this.run) return [this.run[0].width, this.run[0].height]
    return [valueOf(this.node, 'width'), valueOf(this.node, 'height')]
  }

  read(text) {
    this.lines = posesOf(text.trim() ? text : this.known.heads.turnaround.join('\n'), this.angles)
    if (!this.lines && !this.isFixed) return this.ask(text).then((found) => (this.lines = found?.poses ?? null))
  }

  // The five points of each person of each picture.
  get pictures() {
    if (this.isFixed) return (this.run ?? []).map((sheet) => sheet.faces)
    const { size, known } = this
    const frame = known.heads.frames[valueOf(this.node, 'framing')]
    return (this.lines ?? []).map((line) => {
      const heads = this.whole(line).map((pose, i) => moved(turnedHead(known.heads.head, pose), i * 10, 0))
      return framed(heads, size, frame, known.heads.fit)
    })
  }

  // A pose for everybody: the last one is that of all who follow.
  whole(line) {
    return Array.from({ length: this.people }, (_, i) => line[Math.min(i, line.length - 1)])
  }

  draw() {
    const { pictures, size, words, svg, isFixed } = this
    this.tiles ??= new PoseTiles(svg, this.known)
    this.current = Math.min(Math.max(this.current, 0), Math.max(pictures.length - 1, 0))
    this.person = Math.min(this.person, this.people - 1)
    const labels = pictures.map((_, i) => {
      const short = this.lines && !isFixed ? this.said(this.lines[i]) : String(i + 1)
      return { short, long: words.tile(i + 1, pictures.length, short) }
    })
    const { current, person } = this
    const canAdd = !isFixed && Boolean(this.lines) && pictures.length < MOST
    this.redraw('tile', () =>
      this.tiles.draw({ pictures, size, current, person, labels, canAdd, add: words.add })
    )
    this.tell()
  }

  said(line) {
    const word = (pose) => {
      const found = wordOf(pose, this.angles)
      return this.words.poses[found] ?? found.split(' ').map((part) => `${part}°`).join(' ')
    }
    return line.map(word).join(' + ')
  }

  tell() {
    const { words, lines, people } = this
    const [, height] = this.size
    const small = smallHead(this.pictures.flat(), height, this.known.heads.fit)
    const batch = batchOf(this.node)
    const count = this.pictures.length
    this.warning.textContent = small === undefined ? '' : words.small(small, height)
    const tooMany = lines?.findIndex((line) => line.length > people) ?? -1
    if (this.problem) this.status(this.problem, true)
    else if (this.isFixed) this.status(words.linked)
    else if (tooMany >= 0) this.status(words.tooMany(tooMany + 1, people), true)
    else if (batch && count > 1 && batch !== count) this.status(words.batch(count, batch), true)
    else if (small !== undefined) this.status(words.enlarge)
    else if (lines) this.status(`${words.summary(lines.length, people)}. ${words.hint}`)
  }

  // One thing that a person did: it is one step of undo.
  change(act) {
    if (!this.lines || this.isFixed) return
    act()
    this.refresh()
    rememberStep()
  }

  put(lines) {
    this.lines = lines
    setValue(this.node, 'poses', asText(lines, this.angles))
  }

  pose(pose) {
    const former = this.lines[this.current]
    // What others have from the last one they keep.
    const line = this.person < former.length - 1 || this.people === 1 ? [...former] : this.whole(former)
    line[this.person] = pose
    this.put(this.lines.map((one, i) => (i === this.current ? line : one)))
  }

  get turnedNow() {
    return this.whole(this.lines[this.current])[this.person]
  }

  add() {
    if (this.lines.length >= MOST) return
    const lines = [...this.lines]
    lines.splice(this.current + 1, 0, [...(lines[this.current] ?? [[0, 0, 0]])])
    this.current += lines.length > 1 ? 1 : 0
    this.put(lines)
  }

  addLast() {
    this.current = this.lines.length - 1
    this.change(() => this.add())
  }

  // The last one stays: an empty text is the turnaround.
  remove() {
    if (this.lines.length > 1) this.put(this.lines.filter((_, i) => i !== this.current))
  }

  mirror() {
    const [yaw, pitch, roll] = this.turnedNow
    this.pose([-yaw || 0, pitch, -roll || 0])
  }

  turn(pose, by) {
    const rounded = pose.map((angle, i) => Math.round(Math.min(Math.max(angle + by[i], -FARTHEST[i]), FARTHEST[i])) || 0)
    this.pose(rounded)
  }

  grab(event) {
    if (event.button !== 0 || !this.lines || this.isFixed) return
    const tile = event.target.closest('.likeness-tile:not(.likeness-plus)')
    if (!tile) return
    this.current = Number(tile.dataset.focus.split(' ')[1])
    const edge = tile.querySelector('.likeness-edge')
    const start = pointAt(this.svg, event)
    const [width, height] = this.tiles.size
    const across = ((start[0] - Number(edge.getAttribute('x'))) / width) * this.size[0]
    const distances = this.pictures[this.current].map((face) => Math.abs(middleOf(face)[0] - across))
    this.person = distances.indexOf(Math.min(...distances))
    const pose = this.turnedNow
    let isMoved = false
    this.draw()
    this.select(this.current)
    const moving = (move) => {
      const at = pointAt(this.svg, move)
      const [right, down] = [((at[0] - start[0]) / width) * 180, ((at[1] - start[1]) / height) * 180]
      isMoved = true
      this.turn(pose, move.shiftKey ? [0, 0, right] : [right, -down, 0])
      this.draw()
    }
    follow(this.svg, event, moving, () => isMoved && this.change(() => {}))
  }

  select(number) {
    this.current = number
    this.draw()
    this.svg.querySelector(`[data-focus="tile ${number}"]`)?.focus({ preventScroll: true })
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.lines) return
    if (event.target.closest('.likeness-plus')) {
      if (event.key !== 'Enter' && event.key !== ' ') return
      event.preventDefault()
      event.stopPropagation()
      return this.addLast()
    }
    const last = this.pictures.length - 1
    const go = (to) => () => this.select(Math.min(Math.max(to, 0), last))
    const columns = this.tiles.columns
    const moves = {
      ArrowLeft: go(this.current - 1),
      ArrowRight: go(this.current + 1),
      ArrowUp: go(this.current - columns),
      ArrowDown: go(this.current + columns),
      Home: go(0),
      End: go(last)
    }
    const degrees = event.shiftKey ? 1 : TURN
    const by = (...turns) => () => this.turn(this.turnedNow, turns)
    const changes = {
      a: by(-degrees, 0, 0),
      d: by(degrees, 0, 0),
      w: by(0, degrees, 0),
      s: by(0, -degrees, 0),
      q: by(0, 0, -degrees),
      e: by(0, 0, degrees),
      m: () => this.mirror(),
      insert: () => this.add(),
      delete: () => this.remove(),
      backspace: () => this.remove()
    }
    const digit = Number(event.key)
    const person = digit >= 1 && digit <= this.people ? () => (this.person = digit - 1) : null
    const change = this.isFixed ? null : changes[event.key.toLowerCase()]
    const act = moves[event.key] ?? person ?? change
    if (!act) return
    event.preventDefault()
    event.stopPropagation() // Delete is the host's key for the whole node
    if (change && act === change) this.change(act)
    else {
      act()
      this.draw()
    }
  }
}

registerPlotEditor('likeness.poseSheet', 'LikenessPoseSheet', PoseEditor, 460, 700, () => true)
