// A whole gateway for one test, with a good upstream behind it; both are gone when the test is over.
import { onTestFinished } from 'vitest'
import {
  goodAnswer,
  type Script,
  type ScriptedUpstream,
  startUpstream,
} from '../support/scripted-upstream.ts'
import {
  type GatewayUnderTest,
  startTestGateway,
  type TestGateway,
} from '../support/test-gateway.ts'

export interface Door {
  gateway: TestGateway
  upstream: ScriptedUpstream
  ask(method: string, path: string, init?: RequestInit): Promise<Response>
}

export async function openDoor(
  config: GatewayUnderTest['config'] = {},
  script: Script = goodAnswer,
): Promise<Door> {
  const upstream = await startUpstream(script)
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  const upstreams = { origins: [upstream.url], ...config?.upstreams }
  const gateway = await startTestGateway({
    baseUrl: upstream.url,
    config: { ...config, upstreams },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const ask = (method: string, path: string, init: RequestInit = {}) =>
    fetch(`${gateway.url}${path}`, { method, ...init })
  return { gateway, upstream, ask }
}

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** A body whose form the test goes on to check. */
export async function bodyOf<Body = ErrorBody>(response: Response): Promise<Body> {
  return (await response.json()) as Body
}
