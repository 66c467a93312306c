// Reads a recorded traffic trace: when calls came, how long their prompts were and how long their
// answers. The form is that of Azure's public LLM traces of 2023.

export interface TraceCall {
  /** From the first call of the trace. */
  atMs: number
  promptTokens: number
  tokens: number
}

const header = 'TIMESTAMP,ContextTokens,GeneratedTokens'
const row = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?,(\d+),(\d+)$/

/** Null: it is no such trace. */
export function readTrace(text: string): TraceCall[] | null {
  const [first, ...lines] = text.split(/\r?\n/)
  if (first !== header) return null
  const calls: TraceCall[] = []
  for (const line of lines) {
    if (line === '') continue
    const [, day, time, fraction = '', promptTokens, tokens] = row.exec(line) ?? []
    const atMs = Date.parse(`${day}T${time}Z`) + Number(`0${fraction}`) * 1000
    if (Number.isNaN(atMs)) return null
    calls.push({ atMs, promptTokens: Number(promptTokens), tokens: Number(tokens) })
  }
  calls.sort((one, other) => one.atMs - other.atMs)
  const startMs = calls[0]?.atMs ?? 0
  return calls.map((call) => ({ ...call, atMs: call.atMs - startMs }))
}

/** The same calls, spread over another length of time. */
export function stretched(calls: readonly TraceCall[], overMs: number): TraceCall[] {
  const lastMs = calls.at(-1)?.atMs ?? 0
  const factor = lastMs === 0 ? 0 : overMs / lastMs
  return calls.map((call) => ({ ...call, atMs: call.atMs * factor }))
}
