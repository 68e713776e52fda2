// Compare Methods: a table of the last run, a row for each method, with the best of every column marked.

import { app } from '../../scripts/app.js'
import { bar, made, uprightFace, verdictOf } from './editor/meter.js'
import { addBar, addPanel, addScrolled, addStatus, widen } from './editor/panel.js'
import { addRun } from './editor/run_alone.js'
import { chain, outputOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessCompareMethods'
const HEIGHT = 220
const LIKENESS = 'similarity' // has a bar

const WORDS = {
  en: {
    run: 'Compare now: runs every method, and only what this node needs',
    running: 'Running every method ...',
    failed: (why) => `That did not work: ${why}`,
    empty: 'Press the button above to compare the methods.',
    table: 'The methods compared',
    method: 'method',
    columns: {
      similarity: ['likeness', 'Cosine to the reference: more is better, same person from 0.5'],
      truth_similarity: ['other photo', 'Cosine to the second photo: more is better'],
      copy_paste: ['copying', 'Copy-paste measure: 1 copies the reference, less is better'],
      text_similarity: ['text', 'Cosine of picture and prompt in CLIP: more is better'],
      plain_similarity: ['as without', 'Cosine to the picture without a method: more is better']
    },
    face: (name) => `The first face of ${name}`,
    alike: (score) => `likeness ${score}`,
    none: 'no face found',
    missing: (missing, pictures) => `${missing} of ${pictures} without a face`,
    pictures: (count) => `mean of ${count} pictures`,
    reference: 'The face of the photo',
    best: 'Bold is the best of its column.'
  },
  zh: {
    run: '立即比较：运行所有方法，只运行此节点所需的部分',
    running: '正在运行所有方法……',
    failed: (why) => `未能完成：${why}`,
    empty: '按上方按钮即可比较各种方法。',
    table: '各方法的比较',
    method: '方法',
    columns: {
      similarity: ['相似度', '与参考照片的余弦：越大越好，0.5 以上为同一个人'],
      truth_similarity: ['另一张照片', '与第二张照片的余弦：越大越好'],
      copy_paste: ['照抄', '照抄程度：1 表示照抄参考图，越小越好'],
      text_similarity: ['文本', '画面与提示词在 CLIP 中的余弦：越大越好'],
      plain_similarity: ['与原图', '与不用任何方法的画面的余弦：越大越好']
    },
    face: (name) => `${name} 的第一张人脸`,
    alike: (score) => `相似度 ${score}`,
    none: '没有找到人脸',
    missing: (missing, pictures) => `${pictures} 张中有 ${missing} 张没有人脸`,
    pictures: (count) => `${count} 张的平均`,
    reference: '照片中的人脸',
    best: '粗体为该列最好的值。'
  }
}

class Table {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.element = addPanel(node, 'methods table', HEIGHT)
    addRun(addBar(this.element), node, this.words, (...said) => this.status(...said))
    this.list = addScrolled(this.element, 'likeness-methods', 'group', this.words.table)
    this.status = addStatus(this.element)
    this.draw()
  }

  draw() {
    const run = outputOf(this.node)?.likeness_comparison?.at(-1)
    this.list.replaceChildren(...(run ? [this.table(run)] : []))
    this.status(run ? this.words.best : this.words.empty)
  }

  table(run) {
    const heads = run.columns.map((name) => this.head(...this.words.columns[name]))
    const photo = made('td', '')
    photo.append(uprightFace(run.reference, run.crops, this.words.reference))
    const head = made('tr', '')
    head.append(photo, this.head(this.words.method, ''), ...heads)
    const table = made('table', '')
    const [top, body] = [made('thead', ''), made('tbody', '')]
    top.append(head)
    body.append(...run.methods.map((method) => this.row(method, run)))
    table.append(top, body)
    return table
  }

  head(text, title) {
    return Object.assign(made('th', '', text), { scope: 'col', title })
  }

  row(method, run) {
    const { words } = this
    const row = made('tr', 'likeness-match')
    row.dataset.verdict = verdictOf(method.means[LIKENESS] ?? null, run.bounds)
    const face = made('td', '')
    face.append(uprightFace(method.face, run.crops, words.face(method.name)))
    const name = Object.assign(made('th', '', method.name), { scope: 'row' })
    name.append(made('small', '', this.about(method)))
    row.append(face, name, ...run.columns.map((column) => this.cell(method, column, run)))
    return row
  }

  about({ pictures, missing }) {
    const { words } = this
    if (missing) return pictures === 1 ? words.none : words.missing(missing, pictures)
    return pictures === 1 ? '' : words.pictures(pictures)
  }

  cell({ means }, column, { best, bounds }) {
    const cell = made('td', '')
    const value = means[column]
    if (value === undefined) return cell
    const figure = value.toFixed(column === LIKENESS ? 2 : 3)
    cell.append(made(value === best[column] ? 'strong' : 'span', '', figure))
    if (column === LIKENESS) cell.append(bar(value, bounds, this.words.alike(figure)))
    return cell
  }
}

app.registerExtension({
  name: 'likeness.compareMethods',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const table = new Table(node)
    widen(node, 460, 640)
    chain(node, 'onExecuted', () => table.draw())
    chain(node, 'onConfigure', () => table.draw())
  }
})
