// The pack's own tables, as the server has them: blocks, presets, curves, head poses; and its readers of texts.

import { api } from '../../../scripts/api.js'
import { spoken } from './sentences.js'

let asked

// Asked for once; after a failure, again by the next who needs them.
export function tables() {
  asked ??= api
    .fetchApi('/likeness/tables')
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${answer.status} ${answer.statusText}`))))
    .catch((error) => {
      asked = undefined
      throw error
    })
  return asked
}

// What the server makes of a text: {factors, swapped} or {points}; throws an Error that says what is wrong with it.
export async function read(kind, text, family) {
  const query = new URLSearchParams({ kind, text, family: family ?? '' })
  const answer = await (await api.fetchApi(`/likeness/read?${query}`)).json()
  if (answer.wrong) throw new Error(spoken(answer.wrong))
  return answer
}
