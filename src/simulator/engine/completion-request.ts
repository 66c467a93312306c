// Reads a request to `/v1/completions`: one prompt or many, as text or as token ids.
import type { JsonObject } from '#domain'
import { checkBounds, numberOr, refuseMistakes, typeMistakes } from './field-checks.ts'
import { badRequest, badValue, checkModel } from './refusal.ts'
import { checkGrammar, shapeOf } from './shape.ts'
import {
  checkLogprobsBound,
  checkStreamOptions,
  fitContext,
  type ModelProfile,
  type Prompt,
  sharedFields,
  type TextRequest,
} from './text-request.ts'
import { countTokens } from './tokens.ts'

/** What vLLM gives when nobody says; the reason for many a short answer. */
const defaultMaxTokens = 16
const vocabulary = 49_152
/** As vLLM. */
const promptsMax = 1024

export function readCompletion(
  body: JsonObject,
  model: ModelProfile,
  text: () => string,
): TextRequest {
  checkStreamOptions(body)
  if (body.prompt === undefined || body.prompt === null || body.prompt === '') {
    throw badValue('Either prompt or prompt_embeds must be provided and non-empty.', 'prompt')
  }
  refuseMistakes(typeMistakes(body, text))
  checkModel(body, model.name)
  if (typeof body.suffix === 'string' && body.suffix !== '') {
    const message = 'suffix is only supported for models with FIM completion rendering'
    throw badRequest(message, 'suffix')
  }
  const prompts = promptsOf(body.prompt, model)
  const echoOnly = body.echo === true && body.max_tokens === 0
  const asked = echoOnly ? 1 : numberOr(body.max_tokens, defaultMaxTokens)
  const longest = Math.max(...prompts.map((prompt) => prompt.tokens))
  const maxTokens = fitContext(model.contextTokens, longest, asked, 'max_tokens')
  checkBounds(echoOnly ? { ...body, max_tokens: 1 } : body)
  const logprobs = typeof body.logprobs === 'number' ? body.logprobs : null
  checkLogprobsBound(logprobs ?? 0, 'sample')
  const shape = shapeOf({ structured_outputs: body.structured_outputs }, [])
  checkGrammar(shape)
  return {
    model: model.name,
    prompts,
    shape,
    maxTokens,
    ...sharedFields(body),
    logprobs: logprobs !== null,
    topLogprobs: logprobs ?? 0,
    echo: body.echo === true,
    echoOnly,
  }
}

function promptsOf(prompt: unknown, model: ModelProfile): Prompt[] {
  if (typeof prompt === 'string') return [textPrompt(prompt, model)]
  if (!Array.isArray(prompt) || prompt.length === 0) {
    throw badRequest('You must pass at least one prompt')
  }
  if (prompt.every((one) => typeof one === 'number')) return [tokenPrompt(prompt, model)]
  if (prompt.length > promptsMax) {
    throw badRequest(`At most ${promptsMax} prompts are allowed, got ${prompt.length}.`, 'prompt')
  }
  return prompt.map((one) =>
    Array.isArray(one) ? tokenPrompt(one.map(Number), model) : textPrompt(String(one), model),
  )
}

function textPrompt(text: string, model: ModelProfile): Prompt {
  return { text, tokens: countTokens(text, model.contextTokens) }
}

function tokenPrompt(ids: readonly number[], model: ModelProfile): Prompt {
  const beyond = ids.find((id) => id >= vocabulary)
  if (beyond !== undefined) throw badRequest(`Token id ${beyond} is out of vocabulary`)
  // One that does not fit is refused by its length alone.
  if (ids.length > model.contextTokens) return { text: '', tokens: ids.length }
  return { text: ids.map((id) => `<${id}>`).join(''), tokens: ids.length }
}
