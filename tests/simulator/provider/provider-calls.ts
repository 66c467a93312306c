// Calls of the provider with its own key.
import type { Running } from '../support/running.ts'

interface Said {
  message: string
  type: string
  param: string | null
  code: string | null
}

export function providerCalls(simulator: Running) {
  const headers = {
    authorization: 'Bearer sim-provider-key',
    'content-type': 'application/json',
  }
  const door = (path: string) => `/provider/openai/v1/${path}`
  return {
    post: (path: string, body: unknown) => simulator.call(door(path), body, { headers }),
    get: (path: string) => simulator.call(door(path), undefined, { headers }),
    async errorOf(answer: Response): Promise<Said> {
      return ((await answer.json()) as { error: Said }).error
    },
  }
}
