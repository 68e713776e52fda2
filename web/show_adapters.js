// Show Adapters: how strongly each reference acts, a row for each block and a column for each step; and the ways to it
// from the nodes that put a reference on a model.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { made } from './editor/meter.js'
import { putBeside } from './editor/new_node.js'
import { addBar, addPanel, addScrolled, addStatus, hideHostPreview, widen } from './editor/panel.js'
import { addRun } from './editor/run_alone.js'
import { after } from './editor/sampler_steps.js'
import { drawStrengths } from './editor/strength_drawing.js'
import { chain, outputOf, rememberStep, setValue, valueOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessShowAdapters'
const HEIGHT = 340
const AS_SAMPLED = ['steps', 'scheduler', 'denoise']
const OF = [
  'LikenessApplyIPAdapter',
  'LikenessApplyInstantID',
  'LikenessApplyIdentityNet',
  'LikenessScaleImageBranch',
  'LikenessReferenceWeights',
  'LikenessScaleAdapters'
]

const WORDS = {
  en: {
    show: 'Show what acts where (adds Show Adapters)',
    run: 'Show it now: runs only what this node needs',
    running: 'Looking at the model ...',
    failed: (why) => `That did not work: ${why}`,
    empty: 'Press the button above to see what acts, in which block and at which step.',
    list: 'How strongly each reference acts',
    idle: 'does not act',
    mask: 'Where it acts: white',
    step: 'step',
    most: 'most',
    cell: (place, step, sigma, factor) => `${place}, step ${step}${sigma === null ? '' : `, sigma ${sigma}`}: ${factor}`,
    map: (label, rows) => `${label}: ${rows}`,
    hint: 'A row is a block, a column a step; the number is the most that the block gets.'
  },
  zh: {
    show: '显示何处起作用（添加“显示适配器”）',
    run: '立即显示：只运行此节点所需的部分',
    running: '正在查看模型……',
    failed: (why) => `未能完成：${why}`,
    empty: '按上方按钮即可看到什么在哪个块、哪一步起作用。',
    list: '每个参考的作用强度',
    idle: '不起作用',
    mask: '起作用的区域：白色',
    step: '步',
    most: '最大',
    cell: (place, step, sigma, factor) => `${place}，第 ${step} 步${sigma === null ? '' : `，sigma ${sigma}`}：${factor}`,
    map: (label, rows) => `${label}：${rows}`,
    hint: '每行是一个块，每列是一步；数字为该块得到的最大值。'
  }
}

class Strengths {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.element = addPanel(node, 'strengths', HEIGHT)
    addRun(addBar(this.element), node, this.words, (...said) => this.status(...said))
    this.list = addScrolled(this.element, 'likeness-strengths', 'list', this.words.list)
    this.status = addStatus(this.element)
    this.draw()
  }

  draw() {
    const run = outputOf(this.node)?.likeness_strengths?.[0]
    const factors = run?.branches.flatMap((branch) => branch.factors.flat()) ?? []
    const most = factors.reduce((a, b) => Math.max(a, Math.abs(b)), 1)
    this.list.replaceChildren(...(run?.branches ?? []).map((branch) => this.branch(branch, run.sigmas, most)))
    this.status(run ? this.words.hint : this.words.empty)
  }

  branch(branch, sigmas, most) {
    const { words } = this
    const row = made('div', 'likeness-strength')
    row.setAttribute('role', 'listitem')
    const title = made('strong', '', branch.acts ? branch.label : `${branch.label}: ${words.idle}`)
    row.append(title, ...branch.settings.map((text) => made('span', '', text)))
    if (branch.mask) {
      const mask = Object.assign(new Image(), { alt: words.mask, title: words.mask })
      mask.src = api.apiURL(`/view?${new URLSearchParams(branch.mask)}`)
      row.append(mask)
    }
    row.append(drawStrengths(branch, sigmas, most, words))
    return row
  }
}

// A Show Adapters that looks at what this node makes: the one that is there, or a new one.
function showOf(node) {
  const there = after(node).find((one) => one.comfyClass === NODE && one.graph === node.graph)
  if (there) return there
  const shows = putBeside(node, NODE, 'below')
  node.connect(node.outputs.findIndex(({ type }) => type === 'MODEL'), shows, 'model')
  const sampler = after(node).find((one) => valueOf(one, 'scheduler') !== undefined && one !== shows)
  for (const name of AS_SAMPLED) if (sampler && valueOf(sampler, name) !== undefined) setValue(shows, name, valueOf(sampler, name))
  rememberStep()
  return shows
}

export const SHOW = { icon: 'chart-bar', label: () => wordsOf(WORDS).show }

export function openShow(node) {
  const shows = showOf(node)
  app.canvas.deselectAll()
  app.canvas.selectItems([shows])
  app.canvas.centerOnNode?.(shows)
}

app.registerExtension({
  name: 'likeness.showAdapters',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const strengths = new Strengths(node)
    hideHostPreview(node)
    widen(node, 460, 500)
    chain(node, 'onExecuted', () => strengths.draw())
    chain(node, 'onConfigure', () => strengths.draw())
  },

  getNodeMenuItems(node) {
    return OF.includes(node.comfyClass) ? [{ content: SHOW.label(), callback: () => openShow(node) }] : []
  }
})
