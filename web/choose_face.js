// Find Faces and Choose Face: the pictures with numbered boxes, and the faces alone; a click sets 'index' of Choose Face,
// one with Ctrl 'several'.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { crop, frames, loupe } from './editor/face_picture.js'
import { FaceStrip } from './editor/face_strip.js'
import { on, onResize } from './editor/letgo.js'
import { addBar, addButton, addPanel, addStatus, hideHostPreview, widen } from './editor/panel.js'
import { colourOf } from './editor/people.js'
import { addRun } from './editor/run_alone.js'
import { option } from './editor/sentences.js'
import { mark, numberOf, unitsPerPixel } from './editor/svg.js'
import { chain, isLinked, outputOf, rememberStep, setValue, valueOf, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const FINDS = 'LikenessFindFaces'
const CHOOSES = 'LikenessChooseFace'
const AS_NUMBERED = 'as numbered' // the rule under which 'index' is the number in the picture
const SETTINGS = ['rule', 'index', 'several'] // of Choose Face, by which a choice is made
const HEIGHT = 260
const GAP = 60 // between Find Faces and a Choose Face that is added

const WORDS = {
  en: {
    previous: 'Previous picture',
    next: 'Next picture',
    pictures: 'Faces found; choose one',
    page: (number, count) => `${number} / ${count}`,
    face: (number, score) => `Face ${number}, score ${score}`,
    run: 'Find the faces now: runs only what this node needs',
    running: 'Looking for faces ...',
    failed: (why) => `That did not work: ${why}`,
    empty: 'Press the button above to see the faces here.',
    nobody: 'No face found in this picture.',
    click: (count) => `${count === 1 ? '1 face' : `${count} faces`}. Click the one to use.`,
    adds: 'Click a face to choose it: this adds a Choose Face.',
    chosen: (numbers) =>
      numbers.length === 1
        ? `Face ${numbers[0]} is chosen. Ctrl+click adds another.`
        : `Faces ${numbers.join(', ')} are chosen, in this order.`,
    byRule: (rule) => `Chosen by the rule '${rule}'. Click a face to choose by number.`,
    linked: "'rule', 'index' or 'several' is set by a connected node."
  },
  zh: {
    previous: '上一张图片',
    next: '下一张图片',
    pictures: '找到的人脸；请选择一个',
    page: (number, count) => `${number} / ${count}`,
    face: (number, score) => `人脸 ${number}，得分 ${score}`,
    run: '立即查找人脸：只运行此节点所需的部分',
    running: '正在查找人脸……',
    failed: (why) => `未能完成：${why}`,
    empty: '按上方按钮即可在此查看人脸。',
    nobody: '此图片中没有找到人脸。',
    click: (count) => `${count} 张人脸。点击要使用的人脸。`,
    adds: '点击人脸即可选择：会添加一个“选择人脸”节点。',
    chosen: (numbers) =>
      numbers.length === 1
        ? `已选择人脸 ${numbers[0]}。按住 Ctrl 点击可再选一张。`
        : `已按此顺序选择人脸 ${numbers.join('、')}。`,
    byRule: (rule) => `按规则“${rule}”选择。点击人脸可按编号选择。`,
    linked: '“规则”、“序号”或“多张”由已连接的节点设定。'
  }
}

// The nodes whose 'index' a click sets: the node itself, or every Choose Face that Find Faces is connected to.
function choosersOf(node) {
  if (node.comfyClass === CHOOSES) return [node]
  const links = node.outputs?.[0]?.links ?? []
  const targets = links.map((id) =>
    node.graph?.getNodeById((node.graph.getLink?.(id) ?? node.graph.links[id])?.target_id)
  )
  return targets.filter((target) => target?.comfyClass === CHOOSES)
}

const addressOf = (file) => api.apiURL(`/view?${new URLSearchParams(file)}`)

const numbersIn = (text) => (text?.match(/\d+/g) ?? []).map(Number)

// The pictures of a node's last run: one after the other where it ran once for each of a list.
function picturesOf(node) {
  return (outputOf(node)?.likeness_faces ?? []).flat()
}

function addChooser(node) {
  const chooser = LiteGraph.createNode(CHOOSES)
  chooser.pos = [node.pos[0] + node.size[0] + GAP, node.pos[1]]
  node.graph.add(chooser)
  node.connect(0, chooser, 0)
  return chooser
}

class FacePicker {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.page = 0
    this.current = 0
    this.element = addPanel(node, 'face picker', HEIGHT)
    this.bar = addBar(this.element)
    addRun(this.bar, node, this.words, (...said) => this.status(...said))
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

  get pictures() {
    return picturesOf(this.node)
  }

  get isFixed() {
    return choosersOf(this.node).some((chooser) => SETTINGS.some((name) => isLinked(chooser, name)))
  }

  turn(by) {
    this.page += by
    this.current = 0
    this.draw()
  }

  // The places of the faces that are chosen now, in their order: by 'several' or 'index' at once, by another rule as in
  // the last run.
  chosen(picture) {
    const [chooser] = choosersOf(this.node)
    if (!chooser) return []
    const several = numbersIn(valueOf(chooser, 'several'))
    if (several.length) return several.map((number) => number - 1)
    if (valueOf(chooser, 'rule') === AS_NUMBERED) return [valueOf(chooser, 'index')]
    const run = picturesOf(chooser)[this.page]
    return run?.faces.length === picture.faces.length ? run.chosen : []
  }

  // Every face with what its marks need. Without a Choose Face all of them go on.
  marked({ faces }, chosen) {
    const isOpen = !choosersOf(this.node).length
    return faces.map(({ box, score }, number) => {
      const place = isOpen ? number : chosen.indexOf(number)
      return {
        box,
        number,
        label: this.words.face(number + 1, score),
        colour: place < 0 ? undefined : colourOf(place),
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

  tell({ faces }, chosen) {
    const { words } = this
    const [chooser] = choosersOf(this.node)
    const isListed = chosen.length > 1 || (chooser && valueOf(chooser, 'rule') === AS_NUMBERED)
    if (!faces.length) this.status(words.nobody)
    else if (!chooser) this.status(words.adds)
    else if (this.isFixed) this.status(words.linked)
    else if (!isListed) this.status(words.byRule(option(valueOf(chooser, 'rule'))))
    else if (chosen.some((number) => number >= faces.length)) this.status(words.click(faces.length), true)
    else this.status(words.chosen(chosen.map((number) => number + 1)))
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
    const found = choosersOf(this.node)
    for (const chooser of found.length ? found : [addChooser(this.node)]) {
      setValue(chooser, 'rule', AS_NUMBERED)
      setValue(chooser, 'index', wanted[0])
      setValue(chooser, 'several', wanted.length > 1 ? wanted.map((one) => one + 1).join(', ') : '')
    }
    drawAll()
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

const pickers = new Map() // node -> its picker: a choice on one node is seen on the other
const drawAll = () => pickers.forEach((picker) => picker.draw())

app.registerExtension({
  name: 'likeness.chooseFace',

  nodeCreated(node) {
    if (node.comfyClass !== FINDS && node.comfyClass !== CHOOSES) return
    pickers.set(node, new FacePicker(node))
    chain(node, 'onRemoved', () => pickers.delete(node))
    hideHostPreview(node)
    widen(node, 360, 430) // Nodes 2.0 has higher rows
    watch(node, SETTINGS, (changed) => {
      if (changed && changed !== 'several') setValue(node, 'several', '') // it would go before
      drawAll()
    })
    chain(node, 'onExecuted', drawAll)
  }
})
