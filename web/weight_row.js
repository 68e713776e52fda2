// Apply IP-Adapter and Apply InstantID: the same picture at several weights, side by side, at one press.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { Attached } from './editor/attached.js'
import { on } from './editor/letgo.js'
import { addBar, addButton, addPanel, addStatus } from './editor/panel.js'
import { closing } from './editor/strip.js'
import { takeBack, trialOf } from './editor/trial.js'
import { chain, isLinked, widgetOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'
import { setBy } from './recipes.js'
import { SHOW, openShow } from './show_adapters.js'

const NODES = ['LikenessApplyIPAdapter', 'LikenessApplyInstantID']
const INPUT = 'weight'
const USUAL = '0, 0.4, 0.7, 1, 1.3'
const MOST = 12
const PANEL = 'row of weights'
const HEIGHT = 26
const LABEL = 36 // pixels of a saved strip above the pictures

const WORDS = {
  en: {
    run: 'Draw the picture at each of these weights, with this seed',
    weights: 'Weights to try',
    wrong: (text) => `'${text}' is not a list of up to ${MOST} numbers such as ${USUAL}.`,
    linked: "'weight' is set by a connected node.",
    nothing: 'Nothing that shows or saves a picture comes after this node.',
    done: (count, all) => `${count} of ${all}`,
    failed: (why) => `That did not work: ${why}`,
    row: 'The picture at several weights',
    at: (weight) => `weight ${weight}`,
    save: 'Save as one picture'
  },
  zh: {
    run: '用当前种子，按这些权重各画一张',
    weights: '要试的权重',
    wrong: (text) => `“${text}”不是最多 ${MOST} 个数字的列表，例如 ${USUAL}。`,
    linked: '“权重”由已连接的节点设定。',
    nothing: '此节点之后没有显示或保存图片的节点。',
    done: (count, all) => `${count} / ${all}`,
    failed: (why) => `未能完成：${why}`,
    row: '几种权重下的画面',
    at: (weight) => `权重 ${weight}`,
    save: '保存为一张图片'
  }
}

const addressOf = (file) => api.apiURL(`/view?${new URLSearchParams(file)}`)

function numbersIn(text, { min, max }) {
  const numbers = text.split(/[\s,;]+/).filter(Boolean).map(Number)
  const isFine = numbers.length && numbers.length <= MOST && numbers.every((one) => one >= min && one <= max)
  return isFine ? numbers : null
}

class WeightRow {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    const bar = addBar(addPanel(node, PANEL, HEIGHT))
    widgetOf(node, PANEL).computeLayoutSize = undefined // else it shares the room of a node that is drawn larger
    widgetOf(node, PANEL).computeSize = () => [0, HEIGHT + 20]
    this.button = addButton(bar, 'images', this.words.run, () => this.run())
    addButton(bar, SHOW.icon, SHOW.label(), () => openShow(node))
    this.text = Object.assign(document.createElement('input'), { type: 'text', value: USUAL, title: this.words.weights })
    this.text.className = 'likeness-weights'
    this.text.setAttribute('aria-label', this.words.weights)
    on(this.text, 'keydown', (event) => {
      event.stopPropagation() // the host's keys are for nodes
      if (event.key === 'Enter') this.run()
    })
    bar.append(this.text)
    this.status = addStatus(bar)
  }

  async run() {
    const { node, words } = this
    const weights = numbersIn(this.text.value, widgetOf(node, INPUT).options)
    if (!weights) return this.status(words.wrong(this.text.value), true)
    if (isLinked(node, INPUT)) return this.status(words.linked, true)
    this.button.disabled = true
    this.runs = []
    try {
      await this.draw(weights)
    } catch (error) {
      await takeBack(this.runs) // one that is stopped stops all
      if (this.row?.isEmpty) this.close()
      this.status(words.failed(error.message), true)
    }
    this.button.disabled = false
  }

  async draw(weights) {
    const { node, words } = this
    const trial = await trialOf(node, (run) => this.runs.push(run))
    if (!trial) return this.status(words.nothing, true)
    const row = this.show(weights)
    const others = setBy(node) // what a recipe sets, as its weight would go before
    let count = 0
    const tell = () => this.status(words.done(count, weights.length))
    tell()
    const drawn = weights.map(async (weight, i) => {
      row.put(i, addressOf(await trial({ ...others, [INPUT]: weight })))
      count += 1
      tell()
    })
    await Promise.all(drawn)
  }

  show(weights) {
    this.close()
    this.row = new Row(this.node, weights, this.words, () => this.close())
    return this.row
  }

  close() {
    this.row?.remove()
    this.row = null
  }
}

// Pictures side by side, each under its weight.
class Row extends Attached {
  constructor(node, weights, words, closed) {
    const box = document.createElement('div')
    super(node, 'weights that were tried', box)
    box.className = 'likeness-row'
    this.words = words
    this.weights = weights
    this.list = document.createElement('div')
    this.list.className = 'likeness-shots'
    this.list.setAttribute('role', 'group')
    this.list.setAttribute('aria-label', words.row)
    this.pictures = weights.map((weight) => Object.assign(new Image(), { alt: words.at(weight), crossOrigin: 'anonymous' }))
    for (const [i, picture] of this.pictures.entries()) {
      const shot = document.createElement('figure')
      shot.append(Object.assign(document.createElement('figcaption'), { textContent: weights[i] }), picture)
      this.list.append(shot)
    }
    const bar = addBar(box)
    this.save = addButton(bar, 'download', words.save, () => this.download())
    this.save.disabled = true
    bar.append(Object.assign(document.createElement('span'), { className: 'likeness-gap' }), closing(closed))
    box.prepend(this.list)
  }

  get isEmpty() {
    return !this.pictures.some((picture) => picture.src)
  }

  put(number, address) {
    const picture = this.pictures[number]
    on(picture, 'load', () => (this.save.disabled = !this.pictures.every((one) => one.naturalWidth)))
    picture.src = address
  }

  // As large as the pictures are, with the weights above them.
  download() {
    const { pictures, weights } = this
    const [width, height] = [pictures[0].naturalWidth, pictures[0].naturalHeight]
    const canvas = Object.assign(document.createElement('canvas'), {
      width: width * pictures.length,
      height: height + LABEL
    })
    const pen = canvas.getContext('2d')
    Object.assign(pen, { fillStyle: '#fff', font: '20px system-ui, sans-serif', textAlign: 'center', textBaseline: 'middle' })
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.fillStyle = '#000'
    for (const [i, picture] of pictures.entries()) {
      pen.fillText(weights[i], (i + 0.5) * width, LABEL / 2)
      pen.drawImage(picture, i * width, LABEL)
    }
    canvas.toBlob((file) => {
      const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(file), download: 'weights.png' })
      link.click()
      URL.revokeObjectURL(link.href)
    })
  }
}

app.registerExtension({
  name: 'likeness.weightRow',

  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const row = new WeightRow(node)
    chain(node, 'onRemoved', () => row.close())
  }
})
