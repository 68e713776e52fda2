// The pictures that a prompt is given as references, and the size of the canvas, as the graph around a node says.

import { api } from '../../../scripts/api.js'
import { placeOf, sourceOf, valueIn } from './upstream.js'

const FAR = 64 // nodes that are looked through

const isLinked = (input) => input.link != null
const inputsOf = (node, types) => (node.inputs ?? []).filter((input) => isLinked(input) && types.includes(input.type))
const named = (node, name) => (node.inputs ?? []).find((input) => input.name === name && isLinked(input))

// { latent: [address or null, ...], redux: [...], size: [width, height] or null } of the first sampler after a node.
export function referencesOf(node) {
  const found = { latent: [], redux: [], size: null }
  const ends = after(node).filter((one) => inputsOf(one, ['CONDITIONING']).length || named(one, 'latent_image'))
  for (const end of ends) {
    const prompt = named(end, 'positive') ?? inputsOf(end, ['CONDITIONING'])[0]
    if (prompt && !found.latent.length && !found.redux.length) collect(sourceOf(placeOf(end), prompt), found)
    const latent = named(end, 'latent_image')
    if (latent && !found.size) found.size = sizeOf(sourceOf(placeOf(end), latent))
  }
  return found
}

// What a model goes to: nodes that patch it, guiders, samplers.
function after(node) {
  const seen = [node]
  for (const one of seen) {
    if (seen.length > FAR) break
    ;(one.outputs ?? []).forEach((output, slot) => {
      if (!['MODEL', 'GUIDER'].includes(output.type)) return
      for (const next of one.getOutputNodes(slot) ?? []) if (!seen.includes(next)) seen.push(next)
    })
  }
  return seen.slice(1)
}

// Each node that adds references adds them after those of the prompt that it was given.
function collect(place, found, far = FAR) {
  if (!place || !far) return
  const { node } = place
  const earlier = inputsOf(node, ['CONDITIONING'])[0]
  if (earlier) collect(sourceOf(place, earlier), found, far - 1)
  if (/^ReferenceLatent$/.test(node.comfyClass)) add(place, named(node, 'latent'), found.latent)
  if (node.comfyClass === 'LikenessReduxPicture') add(place, named(node, 'clip_vision_output'), found.redux)
  if (/^TextEncodeQwenImageEdit/.test(node.comfyClass) && named(node, 'vae'))
    for (const input of inputsOf(node, ['IMAGE'])) add(place, input, found.latent)
}

const add = (place, input, list) => input && list.push(pictureOf(sourceOf(place, input)))

// The address of the picture that something was made of.
function pictureOf(place, far = FAR) {
  if (!place || !far) return null
  const { node } = place
  const shown = node.imgs?.[0]?.src
  const name = valueIn(place, 'image')
  if (typeof name === 'string' && name && /^LoadImage/.test(node.comfyClass)) return shown ?? addressOf(name)
  for (const input of inputsOf(node, ['LATENT', 'IMAGE', 'CLIP_VISION_OUTPUT'])) {
    const found = pictureOf(sourceOf(place, input), far - 1)
    if (found) return found
  }
  return shown ?? null
}

function addressOf(name) {
  const folders = name.split('/')
  const query = { filename: folders.pop(), subfolder: folders.join('/'), type: 'input' }
  return api.apiURL(`/view?${new URLSearchParams(query)}`)
}

function sizeOf(place) {
  const size = place ? [valueIn(place, 'width'), valueIn(place, 'height')] : []
  return size.length && size.every((side) => Number.isFinite(side) && side > 0) ? size : null
}
