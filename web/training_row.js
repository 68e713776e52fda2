// Train IP-Adapter and Train InstantID: how the training goes, on the node while it runs, and a button that stops it and
// keeps what it has.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { Attached } from './editor/attached.js'
import { duration } from './editor/duration.js'
import { button, closing } from './editor/strip.js'
import { mark } from './editor/svg.js'
import { chain, isLinked, nodesOf, outputOf, valueOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODES = ['LikenessTrainIPAdapter', 'LikenessTrainInstantID']
const EVENT = 'likeness.training'
const STOP = '/likeness/training/stop'
const [WIDE, HIGH] = [240, 44] // of the curve, in its own pixels
const LIVE = ['preparing', 'training', 'stopping']

const WORDS = {
  en: {
    row: 'How the training goes',
    preparing: (done, of) => (of ? `Encoding the pictures, ${done} of ${of}` : 'Preparing ...'),
    unknown: (steps) => `Then ${steps} steps. How long they take is known after the first ones.`,
    about: (steps, time, pace) =>
      `${steps} steps: about ${time}, if a step takes as long as in the last training here (${pace}). More is known after the first ones.`,
    step: (done, of) => `Step ${done} of ${of}`,
    pace: (time) => `${time} a step`,
    left: (time) => `${time} left`,
    loss: (loss) => `loss ${loss}`,
    curve: (first, last) => `Loss from ${first} to ${last}`,
    units: ['s', 'min', 'h', 'd'],
    looks: 'What it drew',
    look: (step) => `after step ${step}`,
    stop: 'Stop and keep',
    keeps: (resumes) =>
      'Ends after the step it is in and writes what is trained as a file to use' +
      (resumes ? '; the next run goes on from there.' : ". Without 'resume' the next run begins anew."),
    stopping: 'Stops after this step ...',
    late: 'It had ended already.',
    stopped: (done, of, files, resumes) =>
      `Stopped after step ${done} of ${of}. ` +
      (files.length ? `Kept: ${files.join(' and ')}. ` : '') +
      (resumes ? `Its state is kept${files.length ? ' too' : ''}: run it again and it goes on from there.`
        : files.length ? "Without 'resume' the next run begins anew." : "Nothing is kept, as 'resume' is off."),
    unbegun: 'Stopped before the first step. Nothing was trained, so nothing is kept.',
    failed: (done, of) => (of && done ? `Ended by an error after step ${done} of ${of}.` : 'Ended by an error.'),
    finished: (files) => `Done: ${files.join(' and ')}`
  },
  zh: {
    row: '训练进展',
    preparing: (done, of) => (of ? `正在编码图片，${done} / ${of}` : '正在准备……'),
    unknown: (steps) => `之后训练 ${steps} 步。所需时间在最初几步之后得知。`,
    about: (steps, time, pace) => `${steps} 步：若每步与上次训练一样（${pace}），约需 ${time}。最初几步之后会更准确。`,
    step: (done, of) => `第 ${done} 步，共 ${of} 步`,
    pace: (time) => `每步 ${time}`,
    left: (time) => `还需 ${time}`,
    loss: (loss) => `损失 ${loss}`,
    curve: (first, last) => `损失从 ${first} 到 ${last}`,
    units: ['秒', '分钟', '小时', '天'],
    looks: '训练中的样图',
    look: (step) => `第 ${step} 步之后`,
    stop: '停止并保留',
    keeps: (resumes) =>
      '完成当前这一步后结束，并把已训练的内容写成可用的文件' + (resumes ? '；下次运行从该处继续。' : '。“续训”已关闭，下次运行重新开始。'),
    stopping: '完成这一步后停止……',
    late: '训练已经结束。',
    stopped: (done, of, files, resumes) =>
      `已停在第 ${done} 步，共 ${of} 步。` +
      (files.length ? `已保留：${files.join('、')}。` : '') +
      (resumes ? '训练状态已保存：再次运行即从该处继续。' : files.length ? '“续训”已关闭，下次运行重新开始。' : '“续训”已关闭，没有保留任何内容。'),
    unbegun: '在第一步之前停止，没有训练任何内容，因此没有保留。',
    failed: (done, of) => (of && done ? `在第 ${done} 步（共 ${of} 步）之后因错误结束。` : '因错误结束。'),
    finished: (files) => `完成：${files.join('、')}`
  }
}

const figure = (loss) => loss.toFixed(4)

const made = (tag, className, textContent = '') => Object.assign(document.createElement(tag), { className, textContent })

class TrainingRow extends Attached {
  constructor(node, closed) {
    const box = document.createElement('div')
    super(node, 'how the training goes', box)
    this.words = wordsOf(WORDS)
    box.className = 'likeness-training'
    box.setAttribute('role', 'group')
    box.setAttribute('aria-label', this.words.row)
    this.figures = made('div', 'likeness-figures')
    this.reached = made('div', 'likeness-progress')
    this.reached.setAttribute('role', 'progressbar')
    this.reached.append(made('div', ''))
    this.line = mark('path', { class: 'likeness-loss' })
    this.curve = mark('svg', { class: 'likeness-curve', viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: 'none', role: 'img' })
    this.curve.append(this.line)
    this.looks = made('div', 'likeness-looks')
    this.looks.setAttribute('role', 'group')
    this.looks.setAttribute('aria-label', this.words.looks)
    this.said = made('p', '')
    this.said.setAttribute('role', 'status')
    this.stop = button(this.words.stop, () => this.ask())
    this.foot = made('div', 'likeness-foot')
    this.foot.append(this.stop, this.said)
    box.append(closing(closed), this.figures, this.reached, this.curve, this.looks, this.foot)
  }

  show(told) {
    this.told = { ...told }
    const { phase, done, of, curve } = told
    this.figures.textContent = this.figuresOf(told).join(' · ')
    this.reached.hidden = !of
    this.reached.setAttribute('aria-valuemax', of)
    this.reached.setAttribute('aria-valuenow', done)
    this.reached.setAttribute('aria-label', this.figures.textContent)
    this.reached.firstChild.style.width = `${of ? (100 * done) / of : 0}%`
    this.box.dataset.phase = phase
    this.draw(curve)
    this.film(told.looks)
    this.stop.hidden = !['training', 'stopping'].includes(phase)
    this.stop.disabled = phase === 'stopping'
    this.say(this.sentence(told))
  }

  figuresOf({ phase, done, of, pace, loss }) {
    const { words } = this
    if (phase === 'unbegun') return []
    const left = pace && done < of ? words.left(duration(pace * (of - done), words.units)) : ''
    if (phase === 'preparing') return [words.preparing(done, of), left].filter(Boolean)
    const isLive = LIVE.includes(phase)
    return [
      of ? words.step(done, of) : '',
      pace ? words.pace(duration(pace, words.units)) : '',
      isLive ? left : '',
      loss === null ? '' : words.loss(figure(loss))
    ].filter(Boolean)
  }

  // Of steps that no pace is known of yet: by that of the last training, if there was one.
  expected(steps, former) {
    const { words } = this
    const time = (seconds) => duration(seconds, words.units)
    return former ? words.about(steps, time(former * steps), time(former)) : words.unknown(steps)
  }

  sentence({ phase, done, of, files, resumable, pace, planned, former }) {
    const { words } = this
    if (phase === 'stopped') return done ? words.stopped(done, of, files, resumable) : words.unbegun
    if (phase === 'preparing') return planned ? this.expected(planned, former) : ''
    if (phase === 'training') return pace ? words.keeps(resumable) : this.expected(of - done, former)
    return { stopping: words.stopping, failed: words.failed(done, of), unbegun: words.unbegun }[phase] ??
      (phase === 'finished' ? words.finished(files) : '')
  }

  // Told once: what is said again is read aloud again.
  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text
  }

  draw(points) {
    this.curve.toggleAttribute('hidden', points.length < 2)
    if (points.length < 2) return
    const [low, high] = [Math.min(...points), Math.max(...points)]
    const x = (i) => (i / (points.length - 1)) * WIDE
    const y = (loss) => 3 + (HIGH - 6) * (high > low ? (high - loss) / (high - low) : 0.5)
    this.line.setAttribute('d', `M${points.map((loss, i) => `${x(i).toFixed(1)} ${y(loss).toFixed(1)}`).join('L')}`)
    const label = this.words.curve(figure(points[0]), figure(points.at(-1)))
    this.curve.setAttribute('aria-label', label)
  }

  // Pictures that are there stay, so that nothing flickers and the keys keep their place.
  film(looks) {
    this.looks.hidden = !looks.length
    const keys = looks.map(({ step, file }) => `${step} ${file.filename}`)
    for (const shot of [...this.looks.children]) if (!keys.includes(shot.dataset.key)) shot.remove()
    const there = new Set([...this.looks.children].map((shot) => shot.dataset.key))
    for (const [i, { step, file }] of looks.entries()) if (!there.has(keys[i])) this.looks.append(this.shot(step, file, keys[i]))
    if (looks.length !== there.size) this.looks.scrollLeft = this.looks.scrollWidth
  }

  // A link: the picture in its own size is one click away.
  shot(step, file, key) {
    const href = api.apiURL(`/view?${new URLSearchParams(file)}`)
    const link = Object.assign(made('a', ''), { href, target: '_blank' })
    link.dataset.key = key
    link.title = this.words.look(step)
    link.append(Object.assign(new Image(), { src: href, alt: link.title }), made('span', '', String(step)))
    return link
  }

  async ask() {
    this.stop.disabled = true
    this.say(this.words.stopping)
    const answer = await api.fetchApi(STOP, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ node: this.told.node })
    })
    if (!answer.ok) this.say(this.words.late)
  }
}

const rows = new Map() // node -> its row
const hushed = new WeakSet() // nodes whose row was taken away while their training goes on

function close(node) {
  rows.get(node)?.remove()
  rows.delete(node)
}

function show(node, told) {
  const isLive = LIVE.includes(told.phase)
  if (hushed.has(node) && isLive) return
  hushed.delete(node)
  if (!rows.has(node)) rows.set(node, new TrainingRow(node, () => dismiss(node)))
  rows.get(node).show(told)
}

function dismiss(node) {
  if (LIVE.includes(rows.get(node).told.phase)) hushed.add(node)
  close(node)
}

// Every page hears of every training: this node's is the one that writes the file it names.
function isOf(node, name) {
  return NODES.includes(node?.comfyClass) && (isLinked(node, 'name') || valueOf(node, 'name') === name)
}

function heard({ detail }) {
  const node = nodesOf(String(detail.node)).at(-1)
  if (isOf(node, detail.name)) show(node, detail)
}

// The training says itself how far it came; what ends it before it has begun, or by an error, is heard from the host.
function ended(phase) {
  return () => {
    for (const row of rows.values()) {
      const { told } = row
      const unbegun = told.phase === 'preparing' ? { done: 0, of: 0 } : {} // those were pictures
      if (LIVE.includes(told.phase)) row.show({ ...told, ...unbegun, phase })
    }
  }
}

const lastOf = (output) => output?.likeness_training?.at(-1)

function restore(node) {
  const told = lastOf(outputOf(node))
  if (told && !rows.has(node)) show(node, told)
}

app.registerExtension({
  name: 'likeness.trainingRow',

  setup() {
    api.addEventListener(EVENT, heard)
    api.addEventListener('execution_error', ended('failed'))
    api.addEventListener('execution_interrupted', ended('unbegun'))
  },

  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    chain(node, 'onRemoved', () => close(node))
    chain(node, 'onExecuted', (output) => lastOf(output) && show(node, lastOf(output)))
    chain(node, 'onConfigure', () => restore(node))
  },

  // What was run in a tab comes back after its nodes.
  onNodeOutputsUpdated() {
    for (const node of (app.rootGraph ?? app.graph)._nodes) if (NODES.includes(node.comfyClass)) restore(node)
  }
})
