// The client never chooses where a call goes, or with whose credentials: whatever its headers, its
// address and its body say, the upstream is the configured one, and is told nothing that is not ours.
import { expect, test } from 'vitest'
import { answerGood, askings, readAnswer } from '../support/openai-surfaces.ts'
import { type ScriptedUpstream, startUpstream } from '../support/scripted-upstream.ts'
import { kinds, startTestGateway, testKey } from '../support/test-gateway.ts'

/** Where a client might wish its call to go, in every header that some proxy obeys. */
function headersTo({ url }: ScriptedUpstream): Record<string, string> {
  const { host } = new URL(url)
  return {
    'x-forwarded-host': host,
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-original-url': `${url}/v1/chat/completions`,
    'x-rewrite-url': '/v1/other',
    'x-http-method-override': 'DELETE',
    forwarded: `host=${host}`,
    via: '1.1 elsewhere',
    cookie: 'session=theirs',
    'proxy-authorization': 'Bearer theirs',
    'x-api-key': 'theirs',
    'api-key': 'theirs',
    'openai-organization': 'theirs',
    'openai-project': 'theirs',
    'x-runpod-worker-id': 'theirs',
    'x-podgate-deployment': 'elsewhere',
    'x-podgate-upstream': url,
    'x-request-id': 'theirs',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'x-anything': 'theirs',
  }
}

/** The same in a body; what a surface does not know passes as data, or not at all. */
function membersTo({ url }: ScriptedUpstream): Record<string, unknown> {
  return {
    base_url: url,
    api_base: url,
    api_key: 'theirs',
    endpoint: url,
    endpoint_id: 'elsewhere',
    deployment: 'elsewhere',
    webhook: url,
    extra_headers: { authorization: 'Bearer theirs' },
    kv_transfer_params: { remote_host: url },
  }
}

const told = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'user-agent',
])

const ways = kinds.flatMap((kind) => askings.map((asking) => ({ kind, asking })))

test.each(ways)('$asking.name in front of $kind goes where it must', async ({ kind, asking }) => {
  await using upstream = await startUpstream(answerGood)
  await using elsewhere = await startUpstream(answerGood)
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
  const { url = '', headers: plain } = await (async () => {
    await (await gateway.post(asking.body(), {}, asking.path)).text()
    return (await upstream.nextCall()).request
  })()
  const wished = {
    headers: headersTo(elsewhere),
    body: asking.body(membersTo(elsewhere)),
    path: `${asking.path}?base_url=${encodeURIComponent(elsewhere.url)}&model=other`,
  }
  const response = await gateway.post(wished.body, { headers: wished.headers }, wished.path)
  expect(response.status).toBe(200)
  expect(response.headers.get('x-podgate-deployment')).toBe('test-deployment')
  expect(readAnswer(asking, await response.text())).toMatchObject({ isComplete: true })

  const { request, body } = await upstream.nextCall()
  expect(request.method).toBe('POST')
  expect(request.url).toBe(url)
  // Our own id of the call is all that may differ.
  const { 'x-request-id': id = null, ...same } = request.headers
  const { 'x-request-id': plainId = null, ...expected } = plain
  expect(same).toEqual({ ...expected, 'content-length': String(Buffer.byteLength(body)) })
  expect(id).toBe(plainId === null ? null : response.headers.get('x-request-id'))
  expect(Object.keys(same).filter((name) => !told.has(name))).toEqual([])
  expect(request.headers.authorization).not.toContain(testKey)
  expect(JSON.parse(body)).toMatchObject({ model: 'served/model' })
  expect(JSON.parse(body)).not.toHaveProperty('kv_transfer_params')
  expect(upstream.calls).toHaveLength(2)
  expect(elsewhere.openSockets()).toBe(0)
  expect(elsewhere.calls).toEqual([])
})

test.each(askings)('$name: a second model in the body does not slip past', async (asking) => {
  await using upstream = await startUpstream(answerGood)
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  const body = JSON.stringify(asking.body())
  for (const name of ['model', 'mode\\u006c']) {
    const twice = `${body.slice(0, -1)},"${name}":"other/model"}`
    const response = await gateway.post(twice, {}, asking.path)
    expect(response.status).toBe(400)
    await response.text()
  }
  expect(upstream.openSockets()).toBe(0)
})

test.each(ways)('$asking.name in front of $kind hears only from us', async ({ kind, asking }) => {
  await using upstream = await startUpstream((call) => {
    const { response } = call
    response.setHeader('set-cookie', 'edge=1')
    response.setHeader('server', 'uvicorn')
    response.setHeader('location', 'http://elsewhere.example')
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('x-request-id', 'theirs')
    response.setHeader('cf-ray', '1')
    answerGood(call)
  })
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
  const response = await gateway.post(asking.body(), {}, asking.path)
  await response.text()
  expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  for (const name of [
    'set-cookie',
    'server',
    'location',
    'access-control-allow-origin',
    'cf-ray',
  ]) {
    expect(response.headers.get(name), name).toBeNull()
  }
})
