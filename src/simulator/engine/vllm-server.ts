// One simulated vLLM server: its routes, what each refuses, and the model that stands behind them.
// It knows nothing of HTTP sockets, queues or workers; an answer goes into a `ReplySink`.
import type { Clock, JsonObject } from '#domain'
import type { EndpointOptions, SimulatorOptions } from '../options.ts'
import type { ReplySink } from '../reply-sink.ts'
import { type Batch, startBatch } from './batch.ts'
import { type AnswerHead, wholeChat } from './chat-answer.ts'
import { chatEvents } from './chat-events.ts'
import { readChat } from './chat-request.ts'
import { completionEvents, wholeCompletion } from './completion-answer.ts'
import { readCompletion } from './completion-request.ts'
import { embed } from './embeddings.ts'
import { writeEvents } from './event-writer.ts'
import { modelList } from './model-list.ts'
import { type Plan, type PlanWish, planAnswer } from './plan.ts'
import { hashOf } from './random.ts'
import { badRequest, detail, Refusal } from './refusal.ts'
import { readBody } from './request-body.ts'
import { engineVersion, responseId } from './response-ids.ts'
import type { ModelProfile, TextRequest } from './text-request.ts'
import { promptTokens } from './usage.ts'

export interface EngineRequest {
  method: string
  path: string
  mediaType: string | null
  body: Buffer
  /** The client's `x-request-id`, which becomes part of the answer's id. */
  requestId: string | null
  wish: EngineWish
}

/** What a fault rule imposes on the making of an answer. */
export interface EngineWish extends PlanWish {
  slowFirstMs: number
  hidesUsage: boolean
}

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
  const now = () => Math.floor(clock.nowMs() / 1000)

  const fixed = (body: () => string) => (_: EngineRequest, sink: ReplySink) => {
    sink.whole(200, body())
    return nothingToStop
  }
  const textRoute = (route: TextRoute) => (request: EngineRequest, sink: ReplySink) => {
    const body = readBody(request.body, request.mediaType)
    const asked = route.read(body, profile, () => request.body.toString('utf8'))
    counters.calls += 1
    const plans = planAll(asked, request.wish, options.seed, counters.calls)
    const id = responseId(route.idPrefix, request.requestId)
    const head = { id, createdSeconds: now(), hidesUsage: request.wish.hidesUsage }
    return generate({ batch, clock, counters }, route, { asked, plans, head }, request.wish, sink)
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
        const refusal = cause instanceof Refusal ? cause : badRequest(String(cause))
        sink.whole(refusal.status, refusal.body)
        return nothingToStop
      }
    },
    load: batch.load,
    generatedTokens: () => counters.tokens,
    close: batch.close,
  }
}

interface TextRoute {
  idPrefix: string
  read(body: JsonObject, model: ModelProfile, text: () => string): TextRequest
  whole: typeof wholeChat
  events: typeof chatEvents
}

const chatRoute: TextRoute = {
  idPrefix: 'chatcmpl',
  read: readChat,
  whole: wholeChat,
  events: chatEvents,
}
const completionRoute: TextRoute = {
  idPrefix: 'cmpl',
  read: readCompletion,
  whole: wholeCompletion,
  events: completionEvents,
}

/** One plan per choice; the same request and seed plan the same texts. */
function planAll(asked: TextRequest, wish: PlanWish, seed: number, call: number): Plan[] {
  const repeatable = asked.seed !== null || asked.temperature === 0
  const base = hashOf(seed, asked.seed ?? 0, repeatable ? 0 : call)
  return asked.prompts.flatMap((prompt) =>
    Array.from({ length: asked.n }, (_, index) => {
      const varied = asked.temperature === 0 && asked.seed === null ? 0 : index
      return planAnswer(asked, hashOf(base, prompt.text, varied), wish)
    }),
  )
}

function generate(
  engine: { batch: Batch; clock: Clock; counters: { tokens: number } },
  route: TextRoute,
  answer: { asked: TextRequest; plans: Plan[]; head: AnswerHead },
  wish: EngineWish,
  sink: ReplySink,
): () => void {
  const { asked, plans, head } = answer
  const prompt = promptTokens(asked)
  const steps = Math.max(...plans.map((plan) => plan.pieces.length + (plan.endsOnToken ? 0 : 1)))
  const write = asked.stream
    ? writeEvents(route.events(head, asked, plans), plans, prompt, sink)
    : (done: number) => {
        if (done === steps) sink.whole(200, route.whole(head, asked, plans))
      }
  if (asked.stream) sink.open()
  const generation = {
    promptTokens: prompt,
    sequences: plans.length,
    steps,
    onStep(done: number) {
      for (const plan of plans) if (done <= plan.pieces.length) engine.counters.tokens += 1
      write(done)
    },
  }
  if (wish.slowFirstMs === 0) return engine.batch.add(generation)
  let stop = nothingToStop
  const timer = engine.clock.after(wish.slowFirstMs, () => {
    stop = engine.batch.add(generation)
  })
  return () => {
    timer.cancel()
    stop()
  }
}
