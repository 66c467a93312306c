// Log lines are JSON with the documented fields, and no secret is in them. Processes of their own
// show that no line is lost at exit, and that a reader who stops reading holds nothing up.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { type CallRecord, Fault } from '#src/domain/index.ts'
import { createLogger, maskSecrets } from '#src/observability/index.ts'
import { sampleCall } from '../support/sample-records.ts'

function captured(level = 'info') {
  const lines: string[] = []
  const log = createLogger({ level, write: (line) => void lines.push(line) })
  return { log, text: () => lines.join(''), parsed: () => lines.map((line) => JSON.parse(line)) }
}

test('lines are JSON with an ISO timestamp and the level by name', () => {
  const { log, parsed } = captured()
  log.debug('not at this level')
  log.info({ port: 8080 }, 'listening')
  expect(parsed()).toHaveLength(1)
  expect(parsed()[0]).toMatchObject({ level: 'info', port: 8080, message: 'listening' })
  expect(parsed()[0].timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('a call is one line with exactly the documented fields, in their order', () => {
  const { log, parsed } = captured()
  log.call(sampleCall({ overheadMs: 0.4567 }))
  const names =
    'level timestamp request_id client_request_id event key_id team_id surface model deployment ' +
    'transport upstream_id worker_id status outcome duration_ms queue_ms ttft_ms exec_ms ' +
    'overhead_ms tokens cost_usd gpu_seconds stream attempts cold_start error_code fault'
  const [line] = parsed()
  expect(Object.keys(line)).toEqual(names.split(' '))
  expect(Object.keys(line.tokens)).toEqual(['prompt', 'completion', 'total', 'cached', 'source'])
  expect(line).toMatchObject({
    event: 'call',
    overhead_ms: 0.457,
    client_request_id: 'client-1',
    tokens: { prompt: 100, completion: 40, total: 140, cached: 30, source: 'reported' },
    cost_usd: 0.00041,
    gpu_seconds: 4.5,
  })
})

const secret = 'canary/käy "quoted" 0123456789+='

test.each([
  ['raw', secret],
  ['in JSON', JSON.stringify({ secret })],
  ['in JSON in JSON', JSON.stringify(JSON.stringify({ secret }))],
  ['in a URL', `https://host/?key=${encodeURIComponent(secret)}`],
  ['in a URL in small letters', `https://host/?key=${encodeURIComponent(secret).toLowerCase()}`],
  ['in a form', new URLSearchParams({ key: secret }).toString()],
  ['in base64', Buffer.from(secret).toString('base64')],
  ['in base64 behind one byte', Buffer.from(`:${secret}:more`).toString('base64')],
  ['in base64 behind two bytes', Buffer.from(`u:${secret}`).toString('base64url')],
])('a registered secret never reaches the log: %s', (_, text) => {
  maskSecrets([secret])
  const { log, text: written, parsed } = captured()
  log.warn({ text, deep: { list: [text] }, err: new Error(text) }, text)
  expect(written()).toContain('[secret]')
  const pieces = [secret, '0123456789', Buffer.from('quoted" 0123').toString('base64').slice(2, -2)]
  for (const piece of pieces) expect(written()).not.toContain(piece)
  expect(parsed()).toHaveLength(1)
})

test.each<keyof CallRecord>([
  'clientRequestId',
  'teamId',
  'upstreamId',
  'workerId',
  'model',
  'deployment',
])('a registered secret is not in a call’s line, told as its %s', (name) => {
  const chosen = 'chosen-by-others-0123456789'
  maskSecrets([chosen])
  const { log, text } = captured()
  log.call(sampleCall({ [name]: `a ${chosen}` }))
  expect(text()).toContain('"a [secret]"')
  expect(text()).not.toContain(chosen)
})

test.each([
  'Bearer abcdefgh12345678',
  'basic dXNlcjpwYXNz',
  'sk-proj-0123456789abcdef',
  'rpa_ABCDEFGHIJKLMNOP',
  'hf_abcdefghijklmnop',
])('what looks like a credential is masked: %s', (text) => {
  const { log, written } = ((c) => ({ log: c.log, written: c.text }))(captured())
  log.info({ header: text }, `sent ${text}.`)
  expect(written()).not.toContain(text.slice(-8))
})

test('an error shows where it happened, and the errors behind it', () => {
  const { log, parsed } = captured()
  const cause = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
  log.error({ err: new Fault('upstream_unreachable', { message: 'No connection.', cause }) })
  expect(parsed()[0].err).toMatchObject({
    type: 'Fault',
    kind: 'upstream_unreachable',
    message: 'No connection.',
    cause: { type: 'Error', message: 'connection refused', code: 'ECONNREFUSED' },
  })
  expect(parsed()[0].err.stack).toMatch(/^at .*logger\.test\.ts/)
})

test('what somebody else wrote is not in an error’s fields', () => {
  const { log, text } = captured()
  const prompt = 'my private prompt'
  log.error({ err: new Fault('internal', { message: 'm', cause: { prompt } }) })
  log.error({ cause: prompt })
  log.error({ cause: Buffer.from(prompt) })
  log.error({ cause: { body: prompt } })
  try {
    JSON.parse(`${prompt} {`)
  } catch (err) {
    log.error({ err })
    log.error(err)
    log.error({ err }, 'while reading')
  }
  expect(text()).not.toContain('private')
  expect(text()).toContain('text of 17')
})

test('a fault’s cause that is given as text is our own, and is shown', () => {
  const { log, parsed } = captured()
  log.call(sampleCall(), new Fault('internal', { message: 'm', cause: 'HTTP 500' }).cause)
  expect(parsed()[0]).toMatchObject({ event: 'call', cause: { message: 'HTTP 500' } })
})

test('long texts and endless chains of causes are cut', () => {
  const { log, text } = captured()
  let err = new Error('x'.repeat(100_000))
  for (let depth = 0; depth < 100; depth += 1) err = new Error('outer', { cause: err })
  log.error({ err })
  log.error({ err: new Error('x'.repeat(100_000)) })
  expect(text().length).toBeLessThan(15_000)
})

test('a reader that has stopped reading keeps the process from nothing', async () => {
  const code = `
    import { createLogger } from './src/observability/index.ts'
    const log = createLogger({ level: 'info' })
    for (let n = 0; n < 5000; n += 1) log.info('x'.repeat(100))
    process.stderr.write('went on')`
  const args = ['--input-type=module-typescript', '-e', code]
  // Its standard output is a pipe that nobody reads.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.pause()
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const [exitCode] = await once(child, 'exit')
  child.stdout.destroy()
  expect([exitCode, said]).toEqual([0, 'went on'])
})

test('buffered lines are out when the process ends, however it ends', () => {
  const run = (ending: string) => {
    const code = `
      import { createLogger } from './src/observability/index.ts'
      const log = createLogger({ level: 'info', isBuffered: true })
      log.info('first')
      log.info('last')
      ${ending}`
    const args = ['--input-type=module-typescript', '-e', code]
    return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' })
  }
  for (const ending of ['', 'process.exit(0)']) {
    const lines = run(ending).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['first', 'last'])
  }
})
