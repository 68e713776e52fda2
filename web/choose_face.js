// Find Faces and Choose Face: the pictures with numbered boxes; a click sets 'index' of Choose Face.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { addBar, addButton, addPanel, addStatus, hideHostPreview, widen } from './editor/panel.js'
import { mark, numberOf, unitsPerPixel } from './editor/svg.js'
import { chain, isLinked, outputOf, rememberStep, setValue, valueOf, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const FINDS = 'LikenessFindFaces'
const CHOOSES = 'LikenessChooseFace'
const AS_NUMBERED = 'as numbered' // the rule under which 'index' is the number in the picture
const HEIGHT = 260
const GAP = 60 // between Find Faces and a Choose Face that is added

const WORDS = {
  en: {
    previous: 'Previous picture',
    next: 'Next picture',
    pictures: 'Faces found; choose one',
    page: (number, count) => `${number} / ${count}`,
    face: (number, score) => `Face ${number}, score ${score}`,
    empty: 'Run once to see the faces here.',
    nobody: 'No face in this picture.',
    click: (count) => `${count === 1 ? '1 face' : `${count} faces`}. Click the one to use.`,
    adds: 'Click a face to choose it: this adds a Choose Face.',
    chosen: (number) => `Face ${number} is chosen.`,
    byRule: (rule) => `Chosen by the rule '${rule}'. Click a face to choose by number.`,
    linked: "'rule' or 'index' is set by a connected node."
  },
  zh: {
    previous: '上一张图片',
    next: '下一张图片',
    pictures: '找到的人脸；请选择一个',
    page: (number, count) => `${number} / ${count}`,
    face: (number, score) => `人脸 ${number}，得分 ${score}`,
    empty: '运行一次后可在此查看人脸。',
    nobody: '此图片中没有人脸。',
    click: (count) => `${count} 张人脸。点击要使用的人脸。`,
    adds: '点击人脸即可选择：会添加一个“选择人脸”节点。',
    chosen: (number) => `已选择人脸 ${number}。`,
    byRule: (rule) => `按规则“${rule}”选择。点击人脸可按编号选择。`,
    linked: '“规则”或“序号”由已连接的节点设定。'
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
    this.back = addButton(this.bar, 'chevron-left', this.words.previous, () => this.turn(-1))
    this.label = document.createElement('span')
    this.bar.append(this.label)
    this.on = addButton(this.bar, 'chevron-right', this.words.next, () => this.turn(1))
    this.svg = mark('svg', { class: 'likeness-plot', role: 'group', 'aria-label': this.words.pictures })
    this.element.append(this.svg)
    this.status = addStatus(this.element)
    this.svg.addEventListener('click', (event) => this.pick(numberOf(event)))
    this.svg.addEventListener('keydown', (event) => this.key(event))
    this.svg.addEventListener('focusin', (event) => (this.current = numberOf(event) ?? this.current))
    new ResizeObserver(() => this.draw()).observe(this.svg) // numbers keep their size
  }

  get pictures() {
    return picturesOf(this.node)
  }

  get isFixed() {
    return choosersOf(this.node).some((chooser) => ['rule', 'index'].some((name) => isLinked(chooser, name)))
  }

  turn(by) {
    this.page += by
    this.current = 0
    this.draw()
  }

  // The numbers that are chosen now: by 'index' at once, by another rule as in the last run.
  chosen(picture) {
    const [chooser] = choosersOf(this.node)
    if (!chooser) return []
    if (valueOf(chooser, 'rule') === AS_NUMBERED) return [valueOf(chooser, 'index')]
    const run = picturesOf(chooser)[this.page]
    return run?.faces.length === picture.faces.length ? run.chosen : []
  }

  draw() {
    const { pictures, words } = this
    this.page = Math.min(Math.max(this.page, 0), Math.max(pictures.length - 1, 0))
    const picture = pictures[this.page]
    this.bar.style.display = pictures.length > 1 ? '' : 'none'
    this.label.textContent = words.page(this.page + 1, pictures.length)
    this.back.disabled = this.page === 0
    this.on.disabled = this.page >= pictures.length - 1
    if (!picture) {
      this.svg.replaceChildren()
      this.status(words.empty)
      return
    }
    const focused = this.svg.contains(document.activeElement)
    const [width, height] = picture.size
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    const unit = unitsPerPixel(this.svg)
    const chosen = this.chosen(picture)
    const boxes = picture.faces.map((face, i) => this.box(face, i, chosen.includes(i), unit))
    this.svg.replaceChildren(this.photo(picture), ...boxes)
    if (focused) this.focus()
    this.tell(picture, chosen)
  }

  tell({ faces }, chosen) {
    const { words } = this
    const [chooser] = choosersOf(this.node)
    if (!faces.length) this.status(words.nobody)
    else if (!chooser) this.status(words.adds)
    else if (this.isFixed) this.status(words.linked)
    else if (valueOf(chooser, 'rule') !== AS_NUMBERED) this.status(words.byRule(valueOf(chooser, 'rule')))
    else if (chosen[0] < faces.length) this.status(words.chosen(chosen[0]))
    else this.status(words.click(faces.length), true)
  }

  photo({ file, size }) {
    const href = api.apiURL(`/view?${new URLSearchParams(file)}`)
    return mark('image', { href, width: size[0], height: size[1], preserveAspectRatio: 'none' })
  }

  box({ box: [x0, y0, x1, y1], score }, number, isChosen, unit) {
    const label = this.words.face(number, score)
    const colour = isChosen ? 'var(--likeness-focus)' : '#50dc78'
    const [width, height] = [(8 + 7 * String(number).length) * unit, 15 * unit]
    const [left, top] = [Math.max(x0, 0), Math.max(y0 - height, 0)]
    return mark(
      'g',
      {
        class: 'likeness-box',
        role: 'button',
        tabindex: number === this.current ? 0 : -1,
        'aria-label': label,
        'aria-pressed': isChosen,
        'data-face': number,
        'data-focus': `face ${number}`
      },
      mark('title', {}, label),
      mark('rect', {
        class: 'likeness-frame',
        x: x0,
        y: y0,
        width: x1 - x0,
        height: y1 - y0,
        fill: isChosen ? colour : 'transparent',
        'fill-opacity': 0.25,
        stroke: colour,
        'stroke-width': (isChosen ? 3 : 1.5) * unit
      }),
      mark('rect', { x: left, y: top, width, height, rx: 2 * unit, fill: colour }),
      mark(
        'text',
        {
          x: left + width / 2,
          y: top + 11.5 * unit,
          'text-anchor': 'middle',
          style: `font-size: ${12 * unit}px; fill: #000`
        },
        number
      )
    )
  }

  pick(number) {
    if (number === undefined || this.isFixed) return
    this.current = number
    const found = choosersOf(this.node)
    for (const chooser of found.length ? found : [addChooser(this.node)]) {
      setValue(chooser, 'rule', AS_NUMBERED)
      setValue(chooser, 'index', this.current)
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
      Enter: () => this.pick(this.current),
      ' ': () => this.pick(this.current)
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
    watch(node, ['rule', 'index'], drawAll)
    chain(node, 'onExecuted', drawAll)
  }
})
