// The routes that make text: they read differently and write differently, but plan, generate and
// count in one way.
import type { Clock, JsonObject } from '#domain'
import type { ReplySink } from '../reply-sink.ts'
import type { AnswerHead } from './answer-frame.ts'
import type { Batch } from './batch.ts'
import { chatEvents, wholeChat } from './chat-answer.ts'
import { readChat } from './chat-request.ts'
import { completionEvents, wholeCompletion } from './completion-answer.ts'
import { readCompletion } from './completion-request.ts'
import type { EngineMetrics } from './engine-metrics.ts'
import type { EngineOptions } from './engine-options.ts'
import { doneEvent, type EventWriter, writeEvents } from './event-writer.ts'
import { type Plan, planAnswer } from './plan.ts'
import { checkPlanSize } from './plan-bounds.ts'
import { type Chance, hashOf } from './random.ts'
import { EngineRefusal, engineDead, engineDeadEvent } from './refusal.ts'
import { readBody } from './request-body.ts'
import type { ResponseIds } from './response-ids.ts'
import type { ServerLife } from './server-life.ts'
import { type ModelProfile, promptTokens, type TextRequest } from './text-request.ts'

export interface EngineRequest {
  method: string
  path: string
  mediaType: string | null
  body: Buffer
  /** The client's `x-request-id`, which becomes part of the answer's id. */
  requestId: string | null
  wish: EngineWish
  /** Stopping it may be in vain, as it sometimes is when a worker does it. */
  cancelCanFail?: boolean
}

/** What a fault rule imposes on the making of an answer. */
interface EngineWish {
  tokens: number | null
  slowFirstMs: number
  hidesUsage: boolean
}

/** What the routes share of the engine that they belong to. */
export interface TextEngine {
  batch: Batch
  clock: Clock
  profile: ModelProfile
  seed: number
  options: EngineOptions
  ids: ResponseIds
  life: ServerLife
  metrics: EngineMetrics
  /** How many cancellations are lost, and which. */
  lostCancelShare: number
  chance: Chance
  counters: { calls: number; tokens: number }
}

export interface TextRoute {
  idPrefix: string
  /** Between the prefix and the digits; a dash unless told otherwise. */
  idJoint?: string
  read(body: JsonObject, model: ModelProfile, text: () => string): TextRequest
  whole: typeof wholeChat
  events: typeof chatEvents
  /** A refusal in the route's own form. */
  refusal?(refusal: EngineRefusal): EngineRefusal
}

export const chatRoute: TextRoute = {
  idPrefix: 'chatcmpl',
  read: readChat,
  whole: wholeChat,
  events: chatEvents,
}
export const completionRoute: TextRoute = {
  idPrefix: 'cmpl',
  read: readCompletion,
  whole: wholeCompletion,
  events: completionEvents,
}

/** Answers into the sink; the function given back stops the generation at once. */
export function answerText(
  engine: TextEngine,
  route: TextRoute,
  request: EngineRequest,
  sink: ReplySink,
): () => void {
  const { wish } = request
  try {
    const body = readBody(request.body, request.mediaType)
    const text = () => request.body.toString('utf8')
    const asked = {
      ...route.read(body, engine.profile, text),
      ...(engine.options.forceUsage && { includeUsage: true, continuousUsage: true }),
    }
    checkPlanSize(asked, wish.tokens)
    engine.counters.calls += 1
    const plans = planAll(asked, wish.tokens, engine.seed, engine.counters.calls)
    const head = headOf(engine, route, request)
    return generate(engine, route, { asked, plans, head }, request, sink)
  } catch (cause) {
    if (!(cause instanceof EngineRefusal)) throw cause
    throw route.refusal?.(cause) ?? cause
  }
}

function headOf(engine: TextEngine, route: TextRoute, request: EngineRequest): AnswerHead {
  const { idPrefix, idJoint = '-' } = route
  const { ids, options, clock } = engine
  return {
    id: `${idPrefix}${idJoint}${request.requestId ?? ids(16)}`,
    innerId: ids(16),
    createdSeconds: Math.floor(clock.nowMs() / 1000),
    fingerprint: `vllm-${options.version}-ac399d9a`,
    promptDetails: options.promptDetails,
    hidesUsage: request.wish.hidesUsage,
  }
}

/** One plan per choice; the same request and seed plan the same texts. */
function planAll(asked: TextRequest, wished: number | null, seed: number, call: number): Plan[] {
  const repeatable = asked.seed !== null || asked.temperature === 0
  const base = hashOf(seed, asked.seed ?? 0, repeatable ? 0 : call)
  return asked.prompts.flatMap((prompt) =>
    Array.from({ length: asked.n }, (_, index) =>
      planAnswer(asked, hashOf(base, prompt.text, index), wished),
    ),
  )
}

interface PlannedAnswer {
  asked: TextRequest
  plans: readonly Plan[]
  head: AnswerHead
}

function generate(
  engine: TextEngine,
  route: TextRoute,
  answer: PlannedAnswer,
  request: EngineRequest,
  sink: ReplySink,
): () => void {
  const { asked, plans } = answer
  const { slowFirstMs } = request.wish
  const prompt = promptTokens(asked)
  const steps = Math.max(...plans.map((plan) => plan.pieces.length + (plan.endsOnToken ? 0 : 1)))
  const writer = writerFor(route, answer, steps, sink)
  let isOver = false
  let takeOut = () => {}
  function over(reason: 'abort' | 'error' | null): void {
    isOver = true
    leave()
    for (const { finish, pieces } of plans) {
      const itself = finish === 'length' ? 'length' : 'stop'
      engine.metrics.finished(reason ?? itself, pieces.length)
    }
  }
  const leave = engine.life.admit({
    promptTokens: prompt,
    fail() {
      if (isOver) return
      over('error')
      takeOut()
      writer.abandon()
      if (!asked.stream) return sink.whole(engineDead.status, engineDead.body)
      sink.event(engineDeadEvent, 'error')
      sink.event(doneEvent(), 'done')
      sink.end()
    },
    drop() {
      isOver = true
      takeOut()
    },
  })
  if (asked.stream) sink.open()
  const generation = {
    promptTokens: prompt,
    sequences: plans.length,
    steps,
    onStep(done: number) {
      for (const plan of plans) if (done <= plan.pieces.length) engine.counters.tokens += 1
      if (done >= steps) over(null)
      writer.step(done)
    },
  }
  const start = () => engine.batch.add(generation)
  takeOut = slowFirstMs === 0 ? start() : later(engine.clock, slowFirstMs, start)
  return () => {
    if (isOver) return
    const canBeLost = request.cancelCanFail === true && asked.stream
    if (canBeLost && engine.chance.next() < engine.lostCancelShare) {
      writer.abandon()
      return
    }
    over('abort')
    takeOut()
  }
}

function writerFor(
  route: TextRoute,
  { head, asked, plans }: PlannedAnswer,
  steps: number,
  sink: ReplySink,
): EventWriter {
  if (asked.stream) {
    return writeEvents(route.events(head, asked, plans), plans, promptTokens(asked), sink)
  }
  return {
    step(done) {
      if (done === steps) sink.whole(200, route.whole(head, asked, plans))
    },
    abandon() {},
  }
}

function later(clock: Clock, delayMs: number, start: () => () => void): () => void {
  let stop = () => {}
  const timer = clock.after(delayMs, () => {
    stop = start()
  })
  return () => {
    timer.cancel()
    stop()
  }
}
