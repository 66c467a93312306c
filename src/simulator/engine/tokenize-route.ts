// `POST /tokenize` and `/detokenize`: texts and conversations as the ids of our own tokens, and
// back. Ids are hashes, so an engine remembers which text it gave each; one that it never gave out
// is a word of its vocabulary.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { renderChat } from './chat-template.ts'
import { alternatives } from './prose.ts'
import { chanceFrom } from './random.ts'
import { checkModel, invalid, missing } from './refusal.ts'
import type { ModelProfile } from './text-request.ts'
import { tokenId, tokenize } from './tokens.ts'

export interface TokenRoutes {
  tokenize(body: JsonObject): string
  detokenize(body: JsonObject): string
}

/** As many as there are ids. */
const rememberedMax = 49_152

export function openTokenRoutes(model: ModelProfile): TokenRoutes {
  const texts = new Map<number, string>()

  function idOf(token: string): number {
    const id = tokenId(token)
    if (texts.size < rememberedMax) texts.set(id, token)
    return id
  }

  return {
    tokenize(body) {
      checkModel(body, model.name)
      const tokens = tokenize(textOf(body))
      return JSON.stringify({
        count: tokens.length,
        max_model_len: model.contextTokens,
        tokens: tokens.map(idOf),
        token_strs: body.return_token_strs === true ? tokens : null,
      })
    },
    detokenize(body) {
      if (!Array.isArray(body.tokens)) throw invalid([missing('body.tokens', body)])
      checkModel(body, model.name)
      const ids = body.tokens.map(Number)
      const prompt = ids.map((id) => texts.get(id) ?? alternatives(chanceFrom(id), 1)[0]).join('')
      return JSON.stringify({ prompt })
    },
  }
}

function textOf(body: JsonObject): string {
  if (typeof body.prompt === 'string') return body.prompt
  if (!Array.isArray(body.messages)) {
    throw invalid([missing('body.prompt', body), missing('body.messages', body)])
  }
  const tools = Array.isArray(body.tools) ? body.tools : []
  return renderChat(body.messages.filter(isJsonObject), tools)
}
