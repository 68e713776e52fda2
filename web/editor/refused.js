// Queues a prompt; where the server refuses it, says why: the host's error says only that it did.

import { api } from '../../../scripts/api.js'
import { spoken } from './sentences.js'
import { wordsOf } from './words.js'

const WORDS = {
  en: { on: (title, why) => `${title}: ${why}`, missing: (input) => `'${input}' is not connected.` },
  zh: { on: (title, why) => `${title}：${why}`, missing: (input) => `“${input}”未连接。` }
}

// As api.queuePrompt, and throws an Error with what is wrong on each node.
export async function queue(place, prompt) {
  try {
    return await api.queuePrompt(place, prompt)
  } catch (error) {
    const refused = Object.values(error.response?.node_errors ?? {})
    const reasons = refused.flatMap(({ class_type: kind, errors }) => errors.map((one) => wordsOf(WORDS).on(titleOf(kind), reason(one))))
    throw reasons.length ? new Error(reasons.join(' '), { cause: error }) : error
  }
}

const titleOf = (kind) => LiteGraph.registered_node_types[kind]?.title ?? kind

function reason({ type, message, details, extra_info: about }) {
  const input = about?.input_name
  if (type === 'required_input_missing') return wordsOf(WORDS).missing(input)
  const own = `${input} - ` // before what a node says itself
  return details.startsWith(own) ? spoken(details.slice(own.length)) : `${message}: ${details}`
}
