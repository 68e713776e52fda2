// How a run ends that this page queued: heard from before it is queued, as a short one may end before the answer is here.

import { api } from '../../../scripts/api.js'
import { spoken } from './sentences.js'
import { wordsOf } from './words.js'

const WORDS = { en: { stopped: 'it was stopped.' }, zh: { stopped: '已被停止。' } }

// found(detail) of the event that is waited for -> the value, or undefined where it is of another run or node.
// -> of(run), a promise of that value, which throws an Error that says why there is none; and stop().
export function listen(event, found) {
  const stop = new AbortController()
  const ends = new Map() // run -> { value } or { error }
  const waits = new Map() // run -> what ends the promise of it
  const end = (run, how) => {
    if (!ends.has(run)) ends.set(run, how)
    waits.get(run)?.()
  }
  const stopped = () => ({ error: new Error(wordsOf(WORDS).stopped) })
  const on = (name, act) => api.addEventListener(name, ({ detail }) => act(detail), { signal: stop.signal })
  on(event, (detail) => {
    const value = found(detail)
    if (value !== undefined) end(detail.prompt_id, { value })
  })
  on('execution_error', ({ prompt_id, exception_message }) =>
    end(prompt_id, { error: new Error(spoken(exception_message.trim())) })
  )
  on('execution_interrupted', ({ prompt_id }) => end(prompt_id, stopped()))
  on('status', (detail) => {
    if (detail?.exec_info?.queue_remaining !== 0) return
    for (const run of waits.keys()) end(run, stopped()) // taken from the queue
  })
  const of = async (run) => {
    if (!ends.has(run)) await new Promise((done) => waits.set(run, done))
    const { value, error } = ends.get(run)
    if (error) throw error
    return value
  }
  return { of, stop: () => stop.abort() }
}
