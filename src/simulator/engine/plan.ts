// The whole answer of one choice, decided before its first token is sent: its tokens, where a stop
// string or the token limit ends it, and why it ends. Planning ahead costs microseconds, and makes
// every later step (streams, whole answers, usage, log probabilities) a walk along one list.
import { dump, jsonFor } from './json-text.ts'
import { textMatching } from './pattern-text.ts'
import { naturalMax } from './plan-bounds.ts'
import { proseTokens } from './prose.ts'
import { type Chance, chanceFrom, hashOf } from './random.ts'
import type { Shape, TextRequest } from './text-request.ts'
import { tokenize } from './tokens.ts'

export interface Plan {
  /** One text per token, as far as the client sees it: a stop string takes its part away. */
  pieces: readonly string[]
  text: string
  finish: 'stop' | 'length' | 'tool_calls'
  stopReason: string | null
  /** Whether the last token carries the end; otherwise the end comes as an event of its own. */
  endsOnToken: boolean
  tool: ToolCall | null
}

export interface ToolCall {
  id: string
  name: string
  arguments: string
  /** The first and last token that belong to the arguments. */
  from: number
  to: number
}

const naturalMin = 40
/** No token but a run of line breaks is longer: a text beyond its limit need not be cut up. */
const tokenCharsMax = 13

/** `wished`: how many tokens a fault rule imposes. */
export function planAnswer(request: TextRequest, seed: number, wished: number | null): Plan {
  const chance = chanceFrom(seed)
  const limit = Math.min(request.maxTokens, wished ?? Number.POSITIVE_INFINITY)
  const { shape } = request
  if (shape.kind === 'tool') return planTool(request, shape, chance, seed)
  // As much of it as `limit` tokens and one more can take.
  const charsMax = (limit + 1) * tokenCharsMax
  const whole =
    shape.kind === 'prose' ? null : tokenize(shapedText(shape, chance).slice(0, charsMax))
  const natural = naturalLength(request, whole, chance, wished)
  const length = Math.min(natural, limit)
  const next = whole === null ? proseTokens(chance) : null
  const tokens = next === null ? (whole ?? []).slice(0, length) : Array.from({ length }, next)
  const cut = natural >= request.maxTokens
  if (!cut && next !== null && length > 1) tokens[length - 1] = '.'
  return cutAtStop(request, {
    pieces: tokens,
    text: tokens.join(''),
    finish: cut ? 'length' : 'stop',
    stopReason: null,
    endsOnToken: cut,
    tool: null,
  })
}

function naturalLength(
  request: TextRequest,
  whole: readonly string[] | null,
  chance: Chance,
  wished: number | null,
): number {
  if (whole !== null) return whole.length
  if (wished !== null) return wished
  if (request.ignoreEos) return Number.POSITIVE_INFINITY
  return Math.max(naturalMin + chance.below(naturalMax - naturalMin + 1), request.minTokens)
}

function shapedText(shape: Exclude<Shape, { kind: 'prose' | 'tool' }>, chance: Chance): string {
  if (shape.kind === 'json') return jsonFor(shape.schema, chance)
  if (shape.kind === 'choice') return chance.pick(shape.options, '')
  return textMatching(shape.pattern, chance)
}

/** A call as the `hermes` parser expects it from the model; cut short, it stays plain text. */
function planTool(
  request: TextRequest,
  shape: Extract<Shape, { kind: 'tool' }>,
  chance: Chance,
  seed: number,
): Plan {
  const args = jsonFor(shape.parameters ?? { type: 'object' }, chance)
  const head = tokenize(`<tool_call>\n{"name": ${dump(shape.name)}, "arguments": `)
  const body = tokenize(args)
  const all = [...head, ...body, ...tokenize('}\n</tool_call>')]
  const cut = all.length > request.maxTokens
  const pieces = all.slice(0, request.maxTokens)
  const id = `chatcmpl-tool-${hashOf(seed, 'id').toString(16).padStart(8, '0')}`
  return {
    pieces,
    text: cut ? pieces.join('') : '',
    finish: cut ? 'length' : shape.forced ? 'stop' : 'tool_calls',
    stopReason: null,
    endsOnToken: cut,
    tool: {
      id: `${id}${hashOf(seed, 'id', 2).toString(16).padStart(8, '0')}`,
      name: shape.name,
      arguments: args,
      from: head.length,
      to: head.length + body.length - 1,
    },
  }
}

/** Ends the text before (or after) the first stop string, whose tokens were generated too. */
function cutAtStop(request: TextRequest, plan: Plan): Plan {
  if (request.stops.length === 0) return plan
  const free = plan.pieces.slice(0, request.minTokens).join('').length
  let found: { at: number; stop: string } | null = null
  for (const stop of request.stops) {
    const at = plan.text.indexOf(stop, Math.max(0, free - stop.length + 1))
    if (at !== -1 && (found === null || at < found.at)) found = { at, stop }
  }
  if (found === null) return plan
  const end = found.at + found.stop.length
  const keep = request.includeStop ? end : found.at
  const pieces: string[] = []
  for (let length = 0; length < end; ) {
    const piece = plan.pieces[pieces.length] ?? ''
    pieces.push(piece.slice(0, Math.max(0, keep - length)))
    length += piece.length
  }
  const text = plan.text.slice(0, keep)
  return { ...plan, pieces, text, finish: 'stop', stopReason: found.stop, endsOnToken: true }
}

/** The answer of a dialect that knows no `n`. */
export function onlyPlan([plan]: readonly Plan[]): Plan {
  if (plan === undefined) throw new Error('an answer without a choice')
  return plan
}

/** What the tokens `from` up to `to` add to the text, or to the arguments of the call. */
export function textBetween({ pieces }: Plan, call: ToolCall | null, from: number, to: number) {
  if (call === null) return pieces.slice(from, to).join('')
  return pieces.slice(Math.max(from, call.from), Math.min(to, call.to + 1)).join('')
}
