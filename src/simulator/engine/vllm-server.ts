// One simulated vLLM server: its routes, what each refuses, and the model that stands behind them.
// It knows nothing of HTTP sockets, queues or workers; an answer goes into a `ReplySink`.
import type { Clock } from '#domain'
import type { EndpointOptions, SimulatorOptions } from '../options.ts'
import type { ReplySink } from '../reply-sink.ts'
import { startBatch } from './batch.ts'
import { embed } from './embeddings.ts'
import { modelList } from './model-list.ts'
import { detail, internalError, Refusal } from './refusal.ts'
import { readBody } from './request-body.ts'
import { engineVersion, responseId } from './response-ids.ts'
import {
  answerText,
  chatRoute,
  completionRoute,
  type EngineRequest,
  type TextRoute,
} from './text-route.ts'

export interface Engine {
  /** Answers into the sink; the function given back stops the generation at once. */
  ask(request: EngineRequest, sink: ReplySink): () => void
  load(): { running: number; waiting: number }
  generatedTokens(): number
  close(): void
}

interface Route {
  method: string
  kind: EndpointOptions['kind'] | 'any'
  answer(request: EngineRequest, sink: ReplySink): () => void
}

const nothingToStop = () => {}

export function startEngine(
  model: EndpointOptions,
  options: Pick<SimulatorOptions, 'seed' | 'speed' | 'seqsMax'>,
  clock: Clock,
): Engine {
  const batch = startBatch(model.timing, options, clock)
  const profile = { name: model.model, contextTokens: model.contextTokens }
  const counters = { calls: 0, tokens: 0 }
  const text = { batch, clock, profile, seed: options.seed, counters }
  const now = () => Math.floor(clock.nowMs() / 1000)

  const fixed = (body: () => string) => (_: EngineRequest, sink: ReplySink) => {
    sink.whole(200, body())
    return nothingToStop
  }
  const textRoute = (route: TextRoute) => (request: EngineRequest, sink: ReplySink) => {
    return answerText(text, route, request, sink)
  }
  const embedRoute = (request: EngineRequest, sink: ReplySink) => {
    const body = readBody(request.body, request.mediaType)
    const made = embed(body, model, responseId('embd', request.requestId), now())
    return batch.add({
      promptTokens: made.tokens,
      sequences: 1,
      steps: 1,
      onStep: () => sink.whole(200, made.text),
    })
  }

  const empty = fixed(() => '')
  const routes: { readonly [path: string]: Route } = {
    '/v1/chat/completions': { method: 'POST', kind: 'generate', answer: textRoute(chatRoute) },
    '/v1/completions': { method: 'POST', kind: 'generate', answer: textRoute(completionRoute) },
    '/v1/embeddings': { method: 'POST', kind: 'pooling', answer: embedRoute },
    '/v1/models': { method: 'GET', kind: 'any', answer: fixed(() => modelList(model, now())) },
    '/health': { method: 'GET', kind: 'any', answer: empty },
    '/ping': { method: 'GET', kind: 'any', answer: empty },
    '/version': {
      method: 'GET',
      kind: 'any',
      answer: fixed(() => `{"version":"${engineVersion}"}`),
    },
    '/load': {
      method: 'GET',
      kind: 'any',
      answer: fixed(() => `{"server_load":${batch.load().running + batch.load().waiting}}`),
    },
  }

  return {
    ask(request, sink) {
      const route = routes[request.path]
      try {
        if (route === undefined || (route.kind !== 'any' && route.kind !== model.kind)) {
          throw detail(404, 'Not Found')
        }
        if (route.method !== request.method) {
          const refusal = detail(405, 'Method Not Allowed')
          sink.whole(refusal.status, refusal.body, { allow: route.method })
          return nothingToStop
        }
        return route.answer(request, sink)
      } catch (cause) {
        const refusal = cause instanceof Refusal ? cause : internalError(String(cause))
        sink.whole(refusal.status, refusal.body)
        return nothingToStop
      }
    },
    load: batch.load,
    generatedTokens: () => counters.tokens,
    close: batch.close,
  }
}
