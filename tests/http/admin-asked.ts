// A whole gateway whose operator asks it, with the admin's key or with any other.
import { expect } from 'vitest'
import type { ApiKey } from '#src/domain/index.ts'
import { adminKey, chat } from '../support/test-gateway.ts'
import { bodyOf, type Door, openDoor } from './door.ts'

export interface Made extends ApiKey {
  secret: string
  state: string
}

interface Asked<Body> {
  status: number
  body: Body
  headers: Headers
}

export async function openAdmin(config = {}) {
  const door = await openDoor(config)
  const as =
    (token: string) =>
    async <Body = Record<string, unknown>>(
      method: string,
      path: string,
      body?: unknown,
    ): Promise<Asked<Body>> => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const response = await door.ask(method, path, {
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: text }),
      })
      const { status, headers } = response
      return { status, headers, body: await bodyOf<Body>(response) }
    }
  return { ...door, as, admin: as(adminKey) }
}

export type Admin = Awaited<ReturnType<typeof openAdmin>>

export async function make({ admin }: Admin, changes: Record<string, unknown> = {}): Promise<Made> {
  const { status, body } = await admin<Made>('POST', '/admin/keys', { name: 'web', ...changes })
  expect(status).toBe(201)
  return body
}

export function calls(door: Door, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  return door.gateway.post(chat(), { headers }).then(({ status }) => status)
}
