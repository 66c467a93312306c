// `/auth/info` and `/v1/key` tell a key who it is, what it may use, how much of that is left, and
// what it used since this gateway started. They never tell its secret.
import type { FastifyInstance } from 'fastify'
import { type ApiKey, usdFromNanoUsd } from '#domain'
import { keyBehind } from './guard.ts'
import type { HttpPorts, KeyOverview } from './ports.ts'

export function addOwnKeyRoutes(app: FastifyInstance, ports: HttpPorts): void {
  app.get('/auth/info', async (request) => {
    const key = keyBehind(request)
    return identityOf(key, await ports.keyOverview(key))
  })
  app.get('/v1/key', async (request) => {
    const key = keyBehind(request)
    const overview = await ports.keyOverview(key)
    const { rates, running, waiting, usage } = overview
    const identity = identityOf(key, overview)
    return {
      object: 'key',
      ...identity,
      limits: {
        ...identity.limits,
        requests_remaining: rates.requests.remaining,
        requests_reset_ms: rates.requests.resetMs,
        tokens_remaining: rates.tokens?.remaining ?? null,
        tokens_reset_ms: rates.tokens?.resetMs ?? null,
        running,
        waiting,
      },
      usage: {
        since_seconds: ports.standing.uptimeSeconds(),
        calls: usage.calls,
        prompt_tokens: usage.promptTokens,
        completion_tokens: usage.completionTokens,
        total_tokens: usage.promptTokens + usage.completionTokens,
        charge_usd: usdFromNanoUsd(usage.chargeNanoUsd),
        wasted_seconds: Math.round(usage.wastedSeconds * 1000) / 1000,
      },
    }
  })
}

function identityOf(key: ApiKey, { rates, concurrencyMax }: KeyOverview) {
  return {
    id: key.id,
    name: key.name,
    team_id: key.teamId,
    scopes: key.scopes,
    models: key.models,
    third_party: key.thirdParty,
    limits: {
      requests_per_minute: rates.requests.limit,
      tokens_per_minute: rates.tokens?.limit ?? null,
      concurrency: concurrencyMax,
    },
    created_at: Math.floor(key.createdAtMs / 1000),
    expires_at: key.expiresAtMs === null ? null : Math.floor(key.expiresAtMs / 1000),
  }
}
