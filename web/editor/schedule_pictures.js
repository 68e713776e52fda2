// The factors of a batch's pictures on Weight Schedule's plot: numbers to drag, kept in 'frames' and spread by 'frames_count'.

import { batchOf } from './sampler_steps.js'
import { asFrames, numbersIn, shareOf, spread } from './schedule_frames.js'
import { clamp } from './schedule_points.js'
import { isLinked, outputOf, setValue, valueOf } from './widgets.js'

export const INPUTS = ['frames', 'frames_count', 'interpolation']
const ALIKE = [1, 1] // where nothing is written, each picture has the factor 1
const SOME = 16 // pictures, where nothing says how many are drawn

export class Pictures {
  constructor(node) {
    this.node = node
    this.numbers = []
  }

  get text() {
    return (valueOf(this.node, 'frames') ?? '').trim()
  }

  get isFixed() {
    return INPUTS.some((name) => isLinked(this.node, name))
  }

  get isWritten() {
    return Boolean(this.text) || isLinked(this.node, 'frames')
  }

  // Null, or what is wrong with the text.
  read(words) {
    const read = this.isFixed ? (outputOf(this.node)?.likeness_schedule?.[0].frames ?? []) : numbersIn(this.text)
    this.numbers = read ?? []
    return read ? '' : words.wrongFrames(this.text)
  }

  get given() {
    return this.numbers.length ? this.numbers : ALIKE
  }

  get count() {
    if (this.isFixed) return 0 // what came was spread already
    return valueOf(this.node, 'frames_count') || (this.numbers.length ? 0 : (batchOf(this.node) ?? SOME))
  }

  get factors() {
    return spread(this.given, this.count, valueOf(this.node, 'interpolation'))
  }

  get handles() {
    if (this.isFixed) return []
    const { given, count } = this
    const between = valueOf(this.node, 'interpolation')
    return given.map((factor, index) => ({ factor, index, share: shareOf(index, given.length, count, between) }))
  }

  // Puts numbers in place of those that are there; the first ones are spread over all pictures.
  put(numbers) {
    const { count } = this
    if (!this.numbers.length) setValue(this.node, 'frames_count', count)
    setValue(this.node, 'frames', asFrames(numbers))
    this.numbers = numbers
  }

  set(index, factor, limit) {
    this.put(this.given.map((one, i) => (i === index ? clamp(factor, -limit, limit) : one)))
  }

  insert(index) {
    const { given } = this
    const right = Math.min(index + 1, given.length - 1)
    this.put([...given.slice(0, index + 1), (given[index] + given[right]) / 2, ...given.slice(index + 1)])
  }

  remove(index) {
    if (this.numbers.length > 1) this.put(this.numbers.filter((_, i) => i !== index))
  }

  clear() {
    setValue(this.node, 'frames', '')
    setValue(this.node, 'frames_count', 0)
  }

  // What to know of them, and whether it wants attention: counts that do not agree.
  said(words) {
    const batch = batchOf(this.node)
    const factors = this.factors.length
    if (!this.numbers.length) return [words.noFrames, false]
    if (batch && factors > 1 && factors < batch) return [words.fewer(factors, batch), true]
    if (batch && factors > batch) return [words.more(factors, batch), true]
    return [batch ? `${words.agree(batch)}. ${words.frames}` : words.frames, false]
  }
}
