// What a scripted upstream says on each route: enough of a vLLM for one model that can do all.
import {
  answerWhole,
  beginStream,
  done,
  event,
  type UpstreamCall,
  usageOf,
} from './scripted-upstream.ts'

export const allSurfaces = ['openai-chat', 'openai-completions', 'embeddings']

const completionHead = {
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1795271597,
  model: 'served/model',
}

/** One event of a completions stream, with the running usage that vLLM adds. */
export function completionChunk(
  index: number,
  text: string,
  more: Record<string, unknown> = {},
  usage: Record<string, unknown> = { usage: usageOf(4, 1) },
): string {
  const choice = { index, text, logprobs: null, finish_reason: null, stop_reason: null, ...more }
  return event({ ...completionHead, choices: [choice], ...usage })
}

export function completionUsage(prompt: number, completion: number): string {
  return event({ ...completionHead, choices: [], usage: usageOf(prompt, completion) })
}

export function wholeCompletion(texts: readonly string[]): string {
  const choices = texts.map((text, index) => ({
    index,
    text,
    logprobs: null,
    finish_reason: 'length',
    stop_reason: null,
    token_ids: null,
  }))
  const details = { prompt_tokens_details: null, completion_tokens_details: null }
  const usage = { ...usageOf(8, texts.length), ...details }
  return JSON.stringify({ ...completionHead, choices, usage, kv_transfer_params: null })
}

export function wholeEmbeddings(vectors: readonly (string | readonly number[])[]): string {
  return JSON.stringify({
    id: 'embd-1',
    object: 'list',
    created: 1795272486,
    model: 'served/model',
    data: vectors.map((embedding, index) => ({ index, object: 'embedding', embedding })),
    usage: { ...usageOf(2, 0), prompt_tokens_details: null, completion_tokens_details: null },
  })
}

/** A completion of one prompt, streamed or whole as it was asked for. */
export function goodCompletion(call: UpstreamCall): void {
  if (JSON.parse(call.body).stream !== true) return answerWhole(call, wholeCompletion([' Paris']))
  beginStream(call)
  const last = completionChunk(0, '.', { finish_reason: 'length' }, { usage: usageOf(4, 2) })
  const events = [completionChunk(0, ' Paris'), last, completionUsage(4, 2), done]
  call.response.end(events.join(''))
}
