// One simulated vLLM server: its routes, what each refuses, and the model that stands behind them.
// It knows nothing of HTTP sockets, queues or workers; an answer goes into a `ReplySink`.
import type { Clock, JsonObject } from '#domain'
import type { EndpointOptions, SimulatorOptions } from '../options.ts'
import type { ReplySink } from '../reply-sink.ts'
import { startBatch } from './batch.ts'
import { countMessages, messagesRoute } from './dialects/messages.ts'
import { responsesRoute } from './dialects/responses.ts'
import { unknownResponse } from './dialects/responses-request.ts'
import { openEngineMetrics } from './engine-metrics.ts'
import { modelList } from './model-list.ts'
import { embedding, type PoolingKind, pooling, rerank, score } from './pooling/pooling-answers.ts'
import { chanceFrom, hashOf } from './random.ts'
import { detail, EngineRefusal, engineDead, internalError } from './refusal.ts'
import { readBody } from './request-body.ts'
import { openResponseIds, type ResponseIds } from './response-ids.ts'
import type { SequenceRoom } from './sequence-room.ts'
import { openServerLife, type ServerPhase } from './server-life.ts'
import {
  answerText,
  chatRoute,
  completionRoute,
  type EngineRequest,
  type TextEngine,
  type TextRoute,
} from './text-route.ts'
import { openTokenRoutes } from './tokenize-route.ts'

export interface Engine {
  /** Answers into the sink; the function given back stops the generation at once. */
  ask(request: EngineRequest, sink: ReplySink): () => void
  load(): { running: number; waiting: number }
  generatedTokens(): number
  phase(): ServerPhase
  /** SIGTERM: calls are dropped, or go on for the shutdown timeout; `onExit` tells of the end. */
  terminate(onExit: () => void): void
  /** Its process dies: every call fails, and the server ends within a second. */
  die(onExit: () => void): void
  close(): void
}

export interface EngineSettings
  extends Pick<SimulatorOptions, 'seed' | 'speed' | 'lostCancelShare'> {
  readonly room: SequenceRoom
}

type Answer = (request: EngineRequest, sink: ReplySink) => () => void

interface Route {
  method: string
  kind: EndpointOptions['kind'] | 'any'
  answer: Answer
}

const nothingToStop = () => {}

/** `name` sets the ids of one engine apart from those of another with the same seed. */
export function startEngine(
  model: EndpointOptions,
  options: EngineSettings,
  clock: Clock,
  name = '',
): Engine {
  const metrics = openEngineMetrics(model.model)
  const { speed, room, seed } = options
  const limits = { speed, room, kvTokens: model.engine.kvTokens }
  const batch = startBatch(model.timing, limits, clock, metrics.watch)
  const life = openServerLife(model.engine, clock)
  const ids = openResponseIds(seed, name, clock)
  const counters = { calls: 0, tokens: 0 }
  const text: TextEngine = {
    batch,
    clock,
    profile: { name: model.model, contextTokens: model.contextTokens },
    seed,
    options: model.engine,
    ids,
    life,
    metrics,
    lostCancelShare: options.lostCancelShare,
    chance: chanceFrom(hashOf(seed, name, 'cancellations')),
    counters,
  }
  const routes = routesOf(text, model)

  function find(request: EngineRequest): Route {
    const path = request.path.startsWith('/v1/responses/') ? '/v1/responses/*' : request.path
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (route === undefined || (route.kind !== 'any' && route.kind !== model.kind)) {
      throw detail(404, 'Not Found')
    }
    return route
  }

  return {
    ask(request, given) {
      const sink = model.engine.requestIdHeaders ? withRequestId(request, given, ids) : given
      if (life.phase() === 'gone') {
        sink.breakOff()
        return nothingToStop
      }
      try {
        const route = find(request)
        if (route.method !== request.method && route.method !== 'any') {
          const refusal = detail(405, 'Method Not Allowed')
          sink.whole(refusal.status, refusal.body, { allow: route.method })
          return nothingToStop
        }
        if (life.phase() === 'dead' && request.method === 'POST') throw engineDead
        return route.answer(request, sink)
      } catch (cause) {
        const refusal = cause instanceof EngineRefusal ? cause : internalError(String(cause))
        sink.whole(refusal.status, refusal.body)
        return nothingToStop
      }
    },
    load: batch.load,
    generatedTokens: () => counters.tokens,
    phase: life.phase,
    terminate: life.terminate,
    die: life.die,
    close() {
      life.close()
      batch.close()
    },
  }
}

function routesOf(text: TextEngine, model: EndpointOptions): { readonly [path: string]: Route } {
  const { batch, clock, ids, counters } = text
  const now = () => Math.floor(clock.nowMs() / 1000)
  const tokens = openTokenRoutes(text.profile)

  const get = (body: () => string, type?: string): Route => ({
    method: 'GET',
    kind: 'any',
    answer(_, sink) {
      sink.whole(200, body(), type === undefined ? {} : { 'content-type': type })
      return nothingToStop
    },
  })
  const post = (kind: Route['kind'], answer: Answer): Route => ({ method: 'POST', kind, answer })
  const made = (route: TextRoute) =>
    post('generate', (request, sink) => answerText(text, route, request, sink))
  const pooled = (route: PoolingKind) =>
    post('pooling', (request, sink) => pool(text, model, route, request, sink))
  const computed = (kind: Route['kind'], answer: (body: JsonObject) => string) =>
    post(kind, (request, sink) => {
      sink.whole(200, answer(readBody(request.body, request.mediaType)))
      return nothingToStop
    })
  const unknown: Answer = (request) => {
    throw unknownResponse(decodeURIComponent(request.path.split('/')[3] ?? ''))
  }
  const health = get(() => '')
  const alive: Answer = (request, sink) => {
    if (text.life.phase() !== 'dead') return health.answer(request, sink)
    sink.whole(503, '')
    return nothingToStop
  }
  const metrics = () =>
    text.metrics.text({
      ...batch.load(),
      kvUsedShare: batch.kvUsedShare(),
      generatedTokens: counters.tokens,
    })

  return {
    '/v1/chat/completions': made(chatRoute),
    '/v1/completions': made(completionRoute),
    '/v1/responses': made(responsesRoute),
    '/v1/responses/*': { method: 'any', kind: 'generate', answer: unknown },
    '/v1/messages': made(messagesRoute),
    '/v1/messages/count_tokens': computed('generate', (body) => countMessages(body, text.profile)),
    '/v1/embeddings': pooled(embedding),
    '/pooling': pooled(pooling),
    '/score': pooled(score),
    '/v1/score': pooled(score),
    '/rerank': pooled(rerank),
    '/v1/rerank': pooled(rerank),
    '/v2/rerank': pooled(rerank),
    '/tokenize': computed('any', tokens.tokenize),
    '/detokenize': computed('any', tokens.detokenize),
    '/v1/models': get(() => modelList(model, `modelperm-${ids(16)}`, now())),
    '/health': { ...health, answer: alive },
    '/ping': { method: 'any', kind: 'any', answer: alive },
    '/version': get(() => JSON.stringify({ version: model.engine.version })),
    '/load': get(() => `{"server_load":${batch.load().running + batch.load().waiting}}`),
    '/metrics': get(metrics, 'text/plain; version=0.0.4; charset=utf-8'),
  }
}

/** One step of the engine for all inputs together. */
function pool(
  { batch, life, ids, clock, metrics }: TextEngine,
  model: EndpointOptions,
  route: PoolingKind,
  request: EngineRequest,
  sink: ReplySink,
): () => void {
  const body = readBody(request.body, request.mediaType)
  const id = `${route.idPrefix}-${request.requestId ?? ids(16)}`
  const head = { id, createdSeconds: Math.floor(clock.nowMs() / 1000) }
  const made = route.answer(body, model, head)
  let takeOut = () => {}
  const leave = life.admit({
    promptTokens: made.tokens,
    fail() {
      takeOut()
      metrics.finished('error', 0)
      sink.whole(engineDead.status, engineDead.body)
    },
    drop: () => takeOut(),
  })
  takeOut = batch.add({
    promptTokens: made.tokens,
    sequences: 1,
    steps: 1,
    onStep() {
      leave()
      metrics.finished('stop', 0)
      sink.whole(200, made.text)
    },
  })
  return () => {
    leave()
    takeOut()
  }
}

/** The client's id, or one of our own, on every answer. */
function withRequestId(request: EngineRequest, sink: ReplySink, ids: ResponseIds): ReplySink {
  const headers = { 'x-request-id': request.requestId ?? ids(32) }
  return {
    ...sink,
    whole: (status, body, more) => sink.whole(status, body, { ...headers, ...more }),
    open: (more) => sink.open({ ...headers, ...more }),
  }
}
