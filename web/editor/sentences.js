// A message of the server as key and values, and in the page's language.

// The server sends a failure as one English sentence: of an exception the host passes on nothing else, and programs that
// use the API read that. So the page finds the template in locales/ that the sentence was made from, and with it the values.
// A sentence that has no template stays as it is.

import { app } from '../../../scripts/app.js'
import { api } from '../../../scripts/api.js'

const TABLE = 'likenessMessages'
const WITHIN = 'in_' // keys of phrases that stand within values

let tables

export function loadSentences() {
  tables ??= api
    .fetchApi('/i18n')
    .then((answer) => answer.json())
    .catch(() => ({}))
  return tables
}

export async function understood(text) {
  const all = await loadSentences()
  const english = all.en?.[TABLE] ?? {}
  const own = all[app.extensionManager.setting.get('Comfy.Locale')]?.[TABLE] ?? {}
  for (const [key, template] of Object.entries(english)) {
    const values = !key.startsWith(WITHIN) && whole(template).exec(text)?.groups
    if (values)
      return { key, values, english: text, text: own[key] ? filled(own[key], translated(values, english, own)) : text }
  }
  return { key: undefined, values: {}, english: text, text }
}

const ANYTHING = () => '[^]*?'
const WORD = (name) => (name === 'number' || name === 'count' ? '\\d+' : '\\S+')

const whole = (template) => new RegExp(`^${pattern(template, ANYTHING)}$`)
const anywhere = (phrase) => new RegExp(pattern(phrase, WORD), 'g')

function pattern(template, valueOf) {
  const literal = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  return literal.replace(/\{(\w+)\}/g, (_, name) => `(?<${name}>${valueOf(name)})`)
}

const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name])

function translated(values, english, own) {
  const phrases = Object.entries(english).filter(([key]) => key.startsWith(WITHIN) && own[key])
  const put = (text, [key, phrase]) =>
    text.replace(anywhere(phrase), (...found) => filled(own[key], found.at(-1)))
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, phrases.reduce(put, value)]))
}
