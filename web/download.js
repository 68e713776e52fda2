// Gives Load by Preset a button for each model family whose files are missing. It downloads on a click, never by itself.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { spoken } from './editor/sentences.js'

const NODE = 'LikenessLoadByPreset'
export const EVENT = 'likeness.download' // what the server says while it gets a file

const WORDS = {
  en: {
    get: (family, size) => `Download for ${family} (${size})`,
    running: (family, done) => `${family}: ${done} - click to stop`,
    title: (preset, family) => `Download '${preset}' for ${family}?`,
    message: 'These files are not part of this pack. By downloading them you accept the licence of each:',
    file: (file, size) => `${file.name} (${size}) into ${file.folder}, from ${file.page}, licence: ${file.licence}`,
    unknownSize: 'size not recorded',
    done: 'Downloaded',
    stopped: 'Download stopped; what has arrived is kept',
    failed: 'Download failed'
  },
  zh: {
    get: (family, size) => `下载 ${family} 所需文件（${size}）`,
    running: (family, done) => `${family}：${done}，点击停止`,
    title: (preset, family) => `下载 ${family} 的“${preset}”？`,
    message: '这些文件不属于本插件。下载即表示您接受各文件的许可证：',
    file: (file, size) => `${file.name}（${size}）保存到 ${file.folder}，来自 ${file.page}，许可证：${file.licence}`,
    unknownSize: '大小未记录',
    done: '下载完成',
    stopped: '下载已停止，已收到的部分会保留',
    failed: '下载失败'
  }
}

const words = () => WORDS[app.extensionManager.setting.get('Comfy.Locale')] ?? WORDS.en
const progress = new Map() // file id -> the last message of the server, while it runs

function readable(bytes) {
  if (!bytes) return words().unknownSize
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

async function post(route, file) {
  const answer = await api.fetchApi(route, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ file })
  })
  if (!answer.ok) toast('error', words().failed, spoken(await answer.text()))
}

function toast(severity, summary, detail) {
  app.extensionManager.toast.add({ severity, summary, detail, life: severity === 'error' ? undefined : 8000 })
}

async function familiesOf(preset) {
  const answer = await api.fetchApi(`/likeness/installed?preset=${encodeURIComponent(preset)}`)
  return answer.ok ? (await answer.json()).families : []
}

// Ask whether to get files (id -> description), and get them.
export async function offer(title, files) {
  const { dialog } = app.extensionManager
  const agreed = await dialog.confirm({ title: `${title}?`, message: words().message, itemList: Object.values(files) })
  if (agreed) for (const id of Object.keys(files)) await post('/likeness/download', id)
}

const presetOf = (node) => node.widgets.find((widget) => widget.name === 'preset')

function labelOf(family) {
  const size = (files) => (files.every((file) => file.bytes) ? files.reduce((sum, file) => sum + file.bytes, 0) : 0)
  const running = family.missing.filter((file) => progress.has(file.id))
  if (!running.length) return words().get(family.label, readable(size(family.missing)))
  const received = running.reduce((sum, file) => sum + progress.get(file.id).received, 0)
  const total = size(running)
  return words().running(family.label, total ? `${Math.floor((100 * received) / total)} %` : readable(received))
}

async function clicked(preset, family) {
  const running = family.missing.filter((file) => progress.has(file.id))
  if (running.length) {
    for (const file of running) await post('/likeness/download/cancel', file.id)
    return
  }
  const agreed = await app.extensionManager.dialog.confirm({
    title: words().title(preset, family.label),
    message: words().message,
    itemList: family.missing.map((file) => words().file(file, readable(file.bytes)))
  })
  if (agreed) for (const file of family.missing) await post('/likeness/download', file.id)
}

// Buttons are made anew at every change: Nodes 2.0 watches the list of widgets, not their labels.
function showButtons(node) {
  for (const widget of node.likenessButtons ?? []) node.removeWidget(widget)
  const preset = presetOf(node)?.value
  node.likenessButtons = (node.likenessFamilies ?? []).map((family) => {
    const button = node.addWidget('button', `download ${family.family}`, null, () => clicked(preset, family), {
      serialize: false
    })
    button.serialize = false
    button.label = labelOf(family)
    return button
  })
  node.setDirtyCanvas?.(true, true)
}

async function refresh(node) {
  const preset = presetOf(node)?.value
  const families = preset ? await familiesOf(preset) : []
  for (const family of families) {
    family.missing = family.files.filter((file) => !file.installed)
    for (const file of family.missing)
      if (file.running && !progress.has(file.id)) progress.set(file.id, { received: 0 })
  }
  if (presetOf(node)?.value !== preset) return // changed while the server answered
  node.likenessFamilies = families.filter((family) => family.missing.length)
  showButtons(node)
}

const nodes = new Set() // in subgraphs too
const nodesOfFile = (id) =>
  [...nodes].filter((node) => node.likenessFamilies?.some((family) => family.missing.some((file) => file.id === id)))

function arrived({ detail }) {
  const { file, state, message } = detail
  if (state === 'running') {
    progress.set(file, detail)
    nodesOfFile(file).forEach(showButtons)
    return
  }
  progress.delete(file)
  if (state === 'done') toast('success', words().done, spoken(message))
  if (state === 'cancelled') toast('info', words().stopped, file)
  if (state === 'failed') toast('error', words().failed, spoken(message))
  nodesOfFile(file).forEach(refresh)
  if (state === 'done') app.refreshComboInNodes?.()
}

app.registerExtension({
  name: 'likeness.download',

  setup() {
    api.addEventListener(EVENT, arrived)
    for (const event of ['execution_success', 'execution_error'])
      api.addEventListener(event, () => nodes.forEach(refresh))
  },

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    nodes.add(node)
    const removed = node.onRemoved
    node.onRemoved = function (...args) {
      nodes.delete(node)
      return removed?.apply(this, args)
    }
    const preset = presetOf(node)
    const before = preset.callback
    preset.callback = function (...args) {
      const result = before?.apply(this, args)
      refresh(node)
      return result
    }
    setTimeout(() => refresh(node)) // a loaded workflow sets the preset after this
  }
})
