// The two routes that make text, chat and completions: they read differently and write differently,
// but plan, generate and count in one way.
import type { Clock, JsonObject } from '#domain'
import type { ReplySink } from '../reply-sink.ts'
import type { Batch } from './batch.ts'
import { type AnswerHead, wholeChat } from './chat-answer.ts'
import { chatEvents } from './chat-events.ts'
import { readChat } from './chat-request.ts'
import { completionEvents, wholeCompletion } from './completion-answer.ts'
import { readCompletion } from './completion-request.ts'
import { writeEvents } from './event-writer.ts'
import { type Plan, type PlanWish, planAnswer } from './plan.ts'
import { hashOf } from './random.ts'
import { readBody } from './request-body.ts'
import { responseId } from './response-ids.ts'
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

/** What the routes share of the engine that they belong to. */
export interface TextEngine {
  batch: Batch
  clock: Clock
  profile: ModelProfile
  seed: number
  counters: { calls: number; tokens: number }
}

export interface TextRoute {
  idPrefix: string
  read(body: JsonObject, model: ModelProfile, text: () => string): TextRequest
  whole: typeof wholeChat
  events: typeof chatEvents
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

const nothingToStop = () => {}

/** Answers into the sink; the function given back stops the generation at once. */
export function answerText(
  engine: TextEngine,
  route: TextRoute,
  request: EngineRequest,
  sink: ReplySink,
): () => void {
  const { wish } = request
  const body = readBody(request.body, request.mediaType)
  const asked = route.read(body, engine.profile, () => request.body.toString('utf8'))
  engine.counters.calls += 1
  const plans = planAll(asked, wish, engine.seed, engine.counters.calls)
  const head = {
    id: responseId(route.idPrefix, request.requestId),
    createdSeconds: Math.floor(engine.clock.nowMs() / 1000),
    hidesUsage: wish.hidesUsage,
  }
  return generate(engine, route, { asked, plans, head }, wish, sink)
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
  engine: TextEngine,
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
