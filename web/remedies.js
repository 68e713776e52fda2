// What can be pressed against a failure, by the key of its message: each button does what the sentence advises.

import { offer } from './download.js'
import { putBeside } from './editor/new_node.js'
import { placesBefore, setValueIn, socketOf } from './editor/upstream.js'
import { isLinked, rememberStep, setValue, valueOf, widgetOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const LEAST = 0.1 // threshold below which a detector finds faces everywhere
const STEP = 0.2

const WORDS = {
  en: {
    download: (name) => `Download ${name}`,
    encoder: 'Insert a Load CLIP Vision',
    threshold: (value) => `Lower the threshold to ${value}`,
    size: (size) => `Set ${size} in Render Keypoints`,
    latent: 'Connect this latent to Render Keypoints too',
    largest: 'Take the largest face',
    choose: 'Insert a Choose Face'
  },
  zh: {
    download: (name) => `下载 ${name}`,
    encoder: '添加“加载 CLIP 视觉”节点',
    threshold: (value) => `将阈值降到 ${value}`,
    size: (size) => `在“绘制关键点”中设为 ${size}`,
    latent: '把此 Latent 也连接到“绘制关键点”',
    largest: '使用最大的人脸',
    choose: '添加“选择人脸”节点'
  }
}

// A file as the server describes it: the confirmation repeats what is in the message.
const FILE = /(\S+) \(([\d,]+ bytes|size not recorded)\) in models\/(\S+), published as \S+ at \S+, licence: (?:(?!\. |\.\n|\.$| or ).)+/

const REMEDIES = {
  preset_missing: [download],
  encoder_missing: [download, encoder],
  no_face: [threshold],
  no_such_face: [largest],
  one_face_needed: [chooseFace],
  too_many_faces: [chooseFace],
  keypoint_size: [size]
}

export function remediesOf(node, { key, values, english }) {
  const found = (REMEDIES[key] ?? []).map((make) => make(node, values, english, wordsOf(WORDS)))
  return found.filter(Boolean)
}

// Does it, and it is one step of undo and the end of the message.
const once = (change) => (done) => {
  change()
  done()
  rememberStep()
}

function download(_node, _values, english, words) {
  const [described, name, , folder] = FILE.exec(english) ?? []
  if (!name) return undefined
  const file = `${folder}/${name}`
  return { file, label: words.download(name), act: () => offer(words.download(name), { [file]: described }) }
}

function encoder(node, _values, _english, words) {
  const input = node.inputs.findIndex(({ name }) => name === 'clip_vision')
  if (input < 0) return undefined
  return {
    label: words.encoder,
    act: once(() => putBeside(node, 'CLIPVisionLoader', 'left').connect(0, node, input))
  }
}

function threshold(node, _values, _english, words) {
  const finds = before(node, 'LikenessFindFaces').filter((one) => !isLinked(one, 'threshold'))
  const lower = (one) => Math.max(Math.round((valueOf(one, 'threshold') - STEP) * 100) / 100, LEAST)
  const high = finds.filter((one) => valueOf(one, 'threshold') > LEAST)
  if (!high.length) return undefined
  return {
    label: words.threshold(lower(high[0])),
    act: once(() => high.forEach((one) => setValue(one, 'threshold', lower(one))))
  }
}

function largest(node, _values, _english, words) {
  if (!widgetOf(node, 'rule') || isLinked(node, 'rule') || isLinked(node, 'index')) return undefined
  const act = once(() => {
    setValue(node, 'rule', 'largest')
    setValue(node, 'index', 0)
    setValue(node, 'several', '')
  })
  return { label: words.largest, act }
}

function chooseFace(node, _values, _english, words) {
  const input = node.inputs.findIndex(({ name, link }) => name === 'faces' && link != null)
  const link = input < 0 ? undefined : linkOf(node, node.inputs[input])
  const source = node.graph.getNodeById(link?.origin_id)
  if (!source) return undefined
  const act = once(() => {
    const chooser = putBeside(node, 'LikenessChooseFace', 'left')
    source.connect(link.origin_slot, chooser, 0)
    chooser.connect(0, node, input)
  })
  return { label: words.choose, act }
}

// Where its numbers say the size, they are set; where a latent does, it becomes the one that is sampled.
function size(node, { wanted }, _english, words) {
  const drawn = placesBefore(node, 'LikenessRenderKeypoints')
  const isOpen = (place, name) => {
    const [at, number] = socketOf(place, name)
    return number < 0 || at.inputs[number].link == null
  }
  const free = drawn.filter((place) => ['width', 'height', 'latent'].every((name) => isOpen(place, name)))
  if (!free.length) return latent(node, drawn, words)
  const [width, height] = wanted.split('x').map(Number)
  const act = once(() => {
    for (const place of free) {
      setValueIn(place, 'width', width)
      setValueIn(place, 'height', height)
    }
  })
  return { label: words.size(wanted), act }
}

function latent(node, drawn, words) {
  const input = node.inputs.find(({ type, link }) => type === 'LATENT' && link != null)
  const link = input && linkOf(node, input)
  const source = node.graph.getNodeById(link?.origin_id)
  const sockets = drawn.map((place) => socketOf(place, 'latent')).filter(([at, number]) => number >= 0 && at.graph === node.graph)
  const others = sockets.filter(([at, number]) => linkOf(at, at.inputs[number])?.origin_id !== link?.origin_id)
  if (!source || !others.length) return undefined
  return { label: words.latent, act: once(() => others.forEach(([at, number]) => source.connect(link.origin_slot, at, number))) }
}

const linkOf = (node, { link }) => node.graph.getLink?.(link) ?? node.graph.links[link]

// The nodes of a class that something of what this one gets comes from, in its graph.
function before(node, kind, seen = new Set()) {
  const sources = (node.inputs ?? [])
    .filter(({ link }) => link != null)
    .map((input) => node.graph.getNodeById(linkOf(node, input)?.origin_id))
    .filter((source) => source && !seen.has(source))
  for (const source of sources) seen.add(source)
  const further = sources.flatMap((source) => before(source, kind, seen))
  return [...new Set([...sources, ...further])].filter((source) => source.comfyClass === kind)
}
