// The picture behind the keypoints: the photo of the connected faces, or one that a person chose.

import { api } from '../../../scripts/api.js'
import { placed } from './face_shape.js'
import { on, signalOf } from './letgo.js'
import { valueOf } from './widgets.js'

const PROPERTY = 'likeness_background' // of the node: where the chosen picture lies on the server
const HIDDEN = 'likeness_background_hidden'
const FOLDER = 'likeness'

const address = (file) => api.apiURL(`/view?${new URLSearchParams(file)}`)

export class KeypointPicture {
  // Listens only as long as the panel is there.
  constructor(node, panel, sheet, changed) {
    this.node = node
    this.end = signalOf(panel)
    this.sheet = sheet
    this.changed = changed
    this.sizes = new Map() // address -> [width, height], once it is loaded
  }

  get isOwn() {
    return Boolean(this.node.properties[PROPERTY])
  }

  get isHidden() {
    return Boolean(this.node.properties[HIDDEN])
  }

  get file() {
    return this.node.properties[PROPERTY] ?? this.sheet.run?.background
  }

  toggle() {
    if (this.isHidden) delete this.node.properties[HIDDEN]
    else this.node.properties[HIDDEN] = true
    this.changed()
  }

  remove() {
    delete this.node.properties[PROPERTY]
    this.changed()
  }

  // Asks for a file and gives it to the server, which keeps it with the other input pictures. Throws what went wrong.
  choose(failed) {
    const box = Object.assign(document.createElement('input'), { type: 'file', accept: 'image/*' })
    on(box, 'change', () => this.upload(box.files[0]).catch(failed), { until: this.end, once: true })
    box.click()
  }

  async upload(file) {
    const body = new FormData()
    body.append('image', file)
    body.append('subfolder', FOLDER)
    const answer = await api.fetchApi('/upload/image', { method: 'POST', body })
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
    const { name, subfolder } = await answer.json()
    this.node.properties[PROPERTY] = { filename: name, subfolder, type: 'input' }
    delete this.node.properties[HIDDEN]
    this.changed()
  }

  // Where it lies on the canvas, as the node brings its source there; null until it is loaded.
  placedOn([width, height]) {
    if (!this.file || this.isHidden) return null
    const url = address(this.file)
    const size = this.sizes.get(url)
    if (!size) {
      this.load(url)
      return null
    }
    const { x, y, sx, sy } = placed(size, [width, height], valueOf(this.node, 'fit'))
    const isMirrored = !this.isOwn && valueOf(this.node, 'mirror')
    return { url, x, y, width: sx * size[0], height: sy * size[1], isMirrored, canvas: width }
  }

  load(url) {
    if (this.sizes.has(url)) return
    this.sizes.set(url, null)
    const picture = new Image()
    const loaded = () => {
      this.sizes.set(url, [picture.naturalWidth, picture.naturalHeight])
      this.changed(true)
    }
    on(picture, 'load', loaded, { until: this.end, once: true })
    picture.src = url
  }
}
