// `GET /metrics` under the names that vLLM uses, with its labels `model_name` and `engine`: what a
// gateway or an autoscaler would read of a real server.
import type { BatchWatch } from './batch.ts'
import { asFloat, family, openHistogram } from './metric-text.ts'

/** The reasons in the order of vLLM's list. */
const reasons = ['stop', 'length', 'abort', 'error', 'repetition'] as const
type FinishReason = (typeof reasons)[number]

/** What of the engine's state is read when somebody asks. */
interface EngineState {
  running: number
  waiting: number
  kvUsedShare: number
  generatedTokens: number
}

export interface EngineMetrics {
  watch: BatchWatch
  /** A call came to its end, for each of its choices. */
  finished(reason: FinishReason, generationTokens: number): void
  text(state: EngineState): string
}

const seconds = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
]
const betweenTokens = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
]
const wholeCalls = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960,
]
const tokenCounts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]

const histograms = [
  ['time_to_first_token_seconds', 'Histogram of time to first token in seconds.', seconds],
  ['inter_token_latency_seconds', 'Histogram of inter-token latency in seconds.', betweenTokens],
  [
    'request_time_per_output_token_seconds',
    'Histogram of time_per_output_token_seconds per request.',
    betweenTokens,
  ],
  ['e2e_request_latency_seconds', 'Histogram of e2e request latency in seconds.', wholeCalls],
  ['request_queue_time_seconds', 'Histogram of time spent in WAITING phase.', wholeCalls],
  ['request_inference_time_seconds', 'Histogram of time spent in RUNNING phase.', wholeCalls],
  ['request_prefill_time_seconds', 'Histogram of time spent in PREFILL phase.', wholeCalls],
  ['request_decode_time_seconds', 'Histogram of time spent in DECODE phase.', wholeCalls],
  ['request_prompt_tokens', 'Number of prefill tokens processed.', tokenCounts],
  ['request_generation_tokens', 'Number of generation tokens processed.', tokenCounts],
  ['iteration_tokens_total', 'Histogram of number of tokens per engine_step.', tokenCounts],
] as const
type HistogramName = (typeof histograms)[number][0]

export function openEngineMetrics(modelName: string): EngineMetrics {
  const labels = `engine="0",model_name=${JSON.stringify(modelName)}`
  const charts = new Map(histograms.map(([name, , bounds]) => [name, openHistogram(bounds)]))
  const ends = new Map<FinishReason, number>()
  let promptTokens = 0
  let preemptions = 0
  const observe = (name: HistogramName, value: number, times = 1) => {
    charts.get(name)?.observe(value, times)
  }

  const watch: BatchWatch = {
    stepped(stepMs, decoding, read) {
      promptTokens += read
      if (decoding > 0) observe('inter_token_latency_seconds', stepMs / 1000, decoding)
      observe('iteration_tokens_total', read + decoding)
    },
    preempted() {
      preemptions += 1
    },
    ended(generation, { addedMs, startedMs, firstTokenMs, endedMs }) {
      const decodeSeconds = (endedMs - firstTokenMs) / 1000
      observe('time_to_first_token_seconds', (firstTokenMs - addedMs) / 1000)
      observe('request_queue_time_seconds', (startedMs - addedMs) / 1000)
      observe('request_prefill_time_seconds', (firstTokenMs - startedMs) / 1000)
      observe('request_decode_time_seconds', decodeSeconds)
      observe('request_inference_time_seconds', (endedMs - startedMs) / 1000)
      observe('e2e_request_latency_seconds', (endedMs - addedMs) / 1000)
      observe('request_prompt_tokens', generation.promptTokens)
      const perToken = decodeSeconds / Math.max(1, generation.steps - 1)
      observe('request_time_per_output_token_seconds', perToken)
    },
  }

  return {
    watch,
    finished(reason, generationTokens) {
      ends.set(reason, (ends.get(reason) ?? 0) + 1)
      observe('request_generation_tokens', generationTokens)
    },
    text(state) {
      const { running, waiting, kvUsedShare, generatedTokens } = state
      const gauge = (name: string, help: string, value: number) =>
        family(`vllm:${name}`, 'gauge', help, [`vllm:${name}{${labels}} ${asFloat(value)}`])
      const counter = (name: string, help: string, value: number) => {
        const total = `vllm:${name}_total`
        return family(total, 'counter', help, [`${total}{${labels}} ${asFloat(value)}`])
      }
      const finished = reasons.map((reason) => {
        const count = asFloat(ends.get(reason) ?? 0)
        return `vllm:request_success_total{${labels},finished_reason="${reason}"} ${count}`
      })
      return [
        gauge('num_requests_running', 'Number of requests in model execution batches.', running),
        gauge('num_requests_waiting', 'Number of requests waiting to be processed.', waiting),
        gauge('kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.', kvUsedShare),
        counter('prefix_cache_queries', 'Prefix cache queries, in tokens.', promptTokens),
        counter('prefix_cache_hits', 'Prefix cache hits, in tokens.', 0),
        counter('num_preemptions', 'Cumulative number of preemption from the engine.', preemptions),
        counter('prompt_tokens', 'Number of prefill tokens processed.', promptTokens),
        counter('generation_tokens', 'Number of generation tokens processed.', generatedTokens),
        family(
          'vllm:request_success_total',
          'counter',
          'Count of successfully processed requests.',
          finished,
        ),
        ...histograms.map(([name, help]) => {
          const lines = charts.get(name)?.lines(`vllm:${name}`, labels) ?? []
          return family(`vllm:${name}`, 'histogram', help, lines)
        }),
      ].join('')
    },
  }
}
