// Face Similarity: each picture's face beside the one it is compared with, and between them how alike they are.

import { app } from '../../scripts/app.js'
import { canOpenHelp, openHelp } from './editor/help.js'
import { bar, made, uprightFace, verdictOf } from './editor/meter.js'
import { addBar, addPanel, addScrolled, addStatus, hideHostPreview, widen } from './editor/panel.js'
import { personTag } from './editor/people.js'
import { addRun } from './editor/run_alone.js'
import { spoken } from './editor/sentences.js'
import { button } from './editor/strip.js'
import { chain, outputOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessFaceSimilarity'
const HEIGHT = 150

const WORDS = {
  en: {
    run: 'Compare now: runs only what this node needs',
    running: 'Comparing ...',
    failed: (why) => `That did not work: ${why}`,
    empty: 'Press the button above to see how alike they are.',
    list: 'How alike the faces are',
    judged: (name) => `The face of ${name}`,
    reference: 'The face it is compared with',
    alike: (score) => `likeness ${score}`,
    same: 'same person',
    unsure: 'weak likeness',
    other: 'another person',
    none: 'no face found',
    strong: 'This looks like the person.',
    weak: 'Weak likeness? What to do, in order.',
    heading: 'Weak likeness' // of the help page
  },
  zh: {
    run: '立即比较：只运行此节点所需的部分',
    running: '正在比较……',
    failed: (why) => `未能完成：${why}`,
    empty: '按上方按钮即可看到有多像。',
    list: '人脸有多像',
    judged: (name) => `${name} 的人脸`,
    reference: '与之比较的人脸',
    alike: (score) => `相似度 ${score}`,
    same: '同一个人',
    unsure: '不太像',
    other: '像另一个人',
    none: '没有找到人脸',
    strong: '看起来是同一个人。',
    weak: '不太像？按顺序看看该怎么办。',
    heading: '不太像怎么办'
  }
}

class Meter {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.element = addPanel(node, 'likeness meter', HEIGHT)
    addRun(addBar(this.element), node, this.words, (...said) => this.status(...said))
    this.list = addScrolled(this.element, 'likeness-matches', 'list', this.words.list)
    this.status = addStatus(this.element)
    this.help = button(this.words.weak, () => openHelp(node, this.words.heading))
    this.help.className = 'likeness-link'
    this.element.append(this.help)
    this.draw()
  }

  // Of the last run: one after the other where it ran once for each of a list.
  get runs() {
    return outputOf(this.node)?.likeness_match ?? []
  }

  draw() {
    const { runs, words } = this
    this.list.replaceChildren(...runs.flatMap((run) => run.pictures.map((picture) => this.match(picture, run))))
    const least = ({ bounds, pictures }) => pictures.every(({ score }) => score !== null && score >= bounds[1])
    const isWeak = runs.length > 0 && !runs.every(least)
    this.help.hidden = !isWeak || !canOpenHelp()
    this.status(!runs.length ? words.empty : !isWeak ? words.strong : this.help.hidden ? words.weak : '')
  }

  match({ name, score, face }, { reference, bounds, crops, person }) {
    const { words } = this
    const verdict = verdictOf(score, bounds)
    const row = made('div', 'likeness-match')
    row.setAttribute('role', 'listitem')
    row.dataset.verdict = verdict
    const text = made('div', 'likeness-verdict')
    if (person) text.append(personTag(person))
    const figure = score === null ? '' : score.toFixed(2)
    text.append(made('strong', '', figure), made('span', '', words[verdict]))
    const middle = made('div', 'likeness-score')
    middle.append(text, bar(score, bounds, figure && words.alike(figure)))
    row.append(
      uprightFace(face, crops, words.judged(spoken(name))),
      middle,
      uprightFace(reference, crops, words.reference)
    )
    return row
  }
}

app.registerExtension({
  name: 'likeness.faceSimilarity',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const meter = new Meter(node)
    hideHostPreview(node)
    widen(node, 330, 320)
    chain(node, 'onExecuted', () => meter.draw())
    chain(node, 'onConfigure', () => meter.draw())
  }
})
