// What the server says as key and values, and in the page's language.

// Of an exception the host passes on one English sentence and nothing else, and programs that use the API read that. So
// the page finds the template that the sentence was made from, and with it the values. The Chinese words stand beside
// the English ones of the code (locales/zh, a test holds them complete); what has no template stays as it is.

import { app } from '../../../scripts/app.js'
import { api } from '../../../scripts/api.js'

const REMEDIES = 'likenessRemedies' // in English: key -> template of a message that a button helps against
const MESSAGES = 'likenessMessages' // in another language: English template -> its own
const OPTIONS = 'likenessOptions' // in another language: word of a list -> its own

let all = {}

app.registerExtension({
  name: 'likeness.sentences',

  // The page waits for it before it makes nodes. Without the words everything is as it is in the code.
  async init() {
    const answer = await api.fetchApi('/i18n').catch(() => undefined)
    if (answer?.ok) all = await answer.json()
  }
})

const own = (table) => all[app.extensionManager.setting.get('Comfy.Locale')]?.[table]

// A failure: its key and values where a button helps, and its text as it is to be shown.
export function understood(english) {
  const text = spoken(english)
  for (const [key, template] of Object.entries(all.en?.[REMEDIES] ?? {})) {
    const values = pattern(template).exec(english)?.groups
    if (values) return { key, values, english, text }
  }
  return { key: undefined, values: {}, english, text }
}

// A text of a node in the page's language.
export function spoken(english) {
  const templates = templatesOf(own(MESSAGES))
  return templates.length ? (lookedUp(english, templates) ?? english) : english
}

// A word of a list with its own beside it: help and files have the word itself.
export function option(word) {
  const said = own(OPTIONS)?.[word]
  return said ? `${said} (${word})` : word
}

const PLACE = /\{(\w+)\}/
const BESIDE = /\{(\w+)\}\{(\w+)\}/ // two places with nothing between them
const QUOTED = /'\{\w+\}'/g // names that people gave, which stay as they are
const SEPARATOR = /(; |, | and | or | nor )/
const JOINED = { '; ': '；', ', ': '、', ' and ': '和', ' or ': '或', ' nor ': '或' }
const FEW = 8 // letters of a template that would fit much else
const isShort = (value) => value.trim().split(/\s+/).length <= 4
const ENDS = /(?<=[.:!?)]) +(?=\S)/ // where one sentence may follow another

const COUNTS = ['index', 'count', 'number'] // which hold no space
const pattern = (template) => {
  const place = (name) => `(?<${name}>${COUNTS.includes(name) ? '\\S+' : '[^]*?'})`
  return new RegExp(`^${literal(template.replace(BESIDE, '{$1}'), place)}$`)
}

const literal = (template, place) =>
  template
    .split(PLACE)
    .map((part, i) => (i % 2 ? place(part) : part.replace(/[.*+?^$()|[\]{}\\/]/g, '\\$&')))
    .join('')

let read = [] // of the last table
let readFrom

// Those with the most words of their own first: a longer one is never taken for a shorter one that fits it too.
function templatesOf(table = {}) {
  if (readFrom === table) return read
  readFrom = table
  const letters = (template) => template.replaceAll(new RegExp(PLACE, 'g'), '').length
  read = Object.entries(table)
    .sort(([a], [b]) => letters(b) - letters(a))
    .map(([english, text]) => ({
      pattern: pattern(english),
      text,
      quoted: english.match(QUOTED) ?? [],
      beside: english.match(BESIDE),
      takes: letters(english) < FEW ? isShort : () => true
    }))
  return read
}

// Undefined where nothing in it has a template: whole, line by line, sentence by sentence, or as a list.
function lookedUp(english, templates) {
  const text = english.trim()
  if (!text) return undefined
  return (
    whole(text, templates) ??
    inParts(text, /(\n)/, templates, (line) => line) ??
    inSentences(text, templates) ??
    inParts(text, SEPARATOR, templates, (separator) => JOINED[separator] ?? separator)
  )
}

function whole(text, templates) {
  if (text.includes('\n')) return undefined
  for (const { pattern, text: said, quoted, beside, takes } of templates) {
    const found = pattern.exec(text)
    if (!found || !Object.values(found.groups ?? {}).every(takes)) continue
    const values = { ...found.groups }
    if (beside) [values[beside[1]], values[beside[2]]] = parted(values[beside[1]], templates)
    const of = (name) => (quoted.includes(`'{${name}}'`) ? undefined : lookedUp(values[name], templates)) ?? values[name]
    return said.replace(/\{(\w+)\}/g, (_, name) => of(name))
  }
  return undefined
}

// What two places beside each other hold: the second is the longest end of it that has a template, if any, best after a
// beginning that has one too.
function parted(text, templates) {
  const isKnown = (part) => whole(part.trim(), templates) !== undefined
  if (isKnown(text)) return [text, '']
  const places = [...text].map((_, i) => i).filter((at) => at && isKnown(text.slice(at)))
  const at = places.find((place) => isKnown(text.slice(0, place))) ?? places[0] ?? text.length
  return [text.slice(0, at), text.slice(at)]
}

function inParts(text, separator, templates, between) {
  const parts = text.split(separator)
  if (parts.length === 1) return undefined
  const said = parts.map((part, i) => (i % 2 ? undefined : lookedUp(part, templates)))
  const isKnown = (part, i) => i % 2 || said[i] !== undefined || isShort(part) || separator.test('\n')
  if (!said.some(Boolean) || !parts.every(isKnown)) return undefined
  return parts.map((part, i) => (i % 2 ? between(part) : (said[i] ?? part))).join('')
}

// The most sentences that make one template together, then the rest.
function inSentences(text, templates) {
  const sentences = text.split(ENDS)
  for (let count = sentences.length - 1; count > 0; count -= 1) {
    const said = whole(sentences.slice(0, count).join(' '), templates)
    if (said === undefined) continue
    const rest = sentences.slice(count).join(' ')
    return `${said}${lookedUp(rest, templates) ?? ` ${rest}`}`
  }
  return undefined
}
