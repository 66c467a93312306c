// The job API as tests call it: JSON in, status and JSON out.
import type { runSimulator } from './running.ts'

export interface Envelope {
  id: string
  status: string
  delayTime?: number
  executionTime?: number
  workerId?: string
  output?: unknown[]
  error?: string
  retries?: number
}

export interface Answered<T> {
  status: number
  body: T
}

export function jobCalls(simulator: ReturnType<typeof runSimulator>, endpoint = 'sim-phi') {
  async function ask<T>(operation: string, body?: unknown): Promise<Answered<T>> {
    const response = await simulator.call(`/v2/${endpoint}/${operation}`, body)
    return { status: response.status, body: (await response.json()) as T }
  }
  return {
    post: <T = Envelope>(operation: string, body: unknown = {}) => ask<T>(operation, body),
    get: <T = Envelope>(operation: string) => ask<T>(operation),
    /** Submits a job and gives its id. */
    async run(input: object, more: object = {}): Promise<string> {
      return (await ask<Envelope>('run', { input, ...more })).body.id
    },
  }
}

/** The input of a chat by the OpenAI route. */
export function chatInput(content: string, more: object = {}): object {
  const body = { messages: [{ role: 'user', content }], ...more }
  return { openai_route: '/v1/chat/completions', openai_input: body }
}
