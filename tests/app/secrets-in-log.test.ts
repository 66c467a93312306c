// What a gateway knows as secret is in none of its log lines, whoever says it.
import { expect, test } from 'vitest'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway } from '../support/test-gateway.ts'

const secrets = {
  API_ADMIN_KEY: 'operator-0123456789',
  RUNPOD_API_KEY: 'platform-0123456789',
  EXTERNAL_TEST_KEY: 'upstream-0123456789',
  HF_TOKEN: 'weights-0123456789',
}
const additions = { apiKeys: ['developer-0123456789'], adminKey: 'developing-operator-0123456789' }

test.each([
  ...Object.entries(secrets),
  ['a key while developing', ...additions.apiKeys],
  ['the admin key while developing', additions.adminKey],
])('%s', async (_name, secret = '') => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ baseUrl: upstream.url, secrets, additions })
  await gateway.post(chat(), { headers: { 'x-request-id': secret } })
  expect(await gateway.logged({ event: 'call' })).toMatchObject({ client_request_id: '[secret]' })
  await gateway.post('{', { headers: { 'x-request-id': secret } })
  expect(await gateway.logged({ status: 400 })).toMatchObject({ client_request_id: '[secret]' })
  expect(JSON.stringify(gateway.logLines())).not.toContain(secret)
})
