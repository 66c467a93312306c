// Rewrites the chunks of one stream. They all begin in the same way (id, object, created, model):
// that beginning is rewritten once, and of later chunks only the rest is read.
import type { JsonObject } from '#domain'
import {
  type JsonChanges,
  type SplicedHead,
  spliceHead,
  spliceMembers,
  topLevelMembers,
} from '#wire'
import { type AnswerRule, needsMending, rewrite } from './answer-rules.ts'

export interface ChunkRewriter {
  rewrite(text: string, value: JsonObject, rules: readonly AnswerRule[]): string
}

/** The first member that differs from chunk to chunk. */
const firstOwnMember = 'choices'

export function createChunkRewriter(always: JsonChanges): ChunkRewriter {
  let given: string | null = null
  let head: SplicedHead | null = null

  function learn(text: string, value: JsonObject): string {
    const members = topLevelMembers(text)
    if (isAnyTwice(members.length, value)) return rewrite(text, value, [], always)
    const at = members.findIndex(({ name }) => name === firstOwnMember)
    given = text.slice(0, members[at]?.start ?? 0)
    head = spliceHead(text, members.slice(0, Math.max(at, 0)), always)
    return spliceMembers(text, members, always)
  }

  return {
    rewrite(text, value, rules) {
      if (needsMending(value, rules)) return rewrite(text, value, rules, always)
      if (head === null || given === null || given === '' || !text.startsWith(given)) {
        return learn(text, value)
      }
      const rest = topLevelMembers(text, given.length)
      const count = head.names.size + rest.length
      if (isAnyTwice(count, value)) return rewrite(text, value, rules, always)
      return spliceMembers(text, rest, always, head)
    },
  }
}

/** Whether the text has a name twice: `rewrite` drops the first one, splicing would keep both. */
function isAnyTwice(written: number, value: JsonObject): boolean {
  return written > Object.keys(value).length
}
