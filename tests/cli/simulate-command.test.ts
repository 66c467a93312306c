// `podgate simulate`, run as a process: what it prints at the start, how it ends, and how it
// refuses wrong usage.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { Command } from 'commander'
import { afterEach, expect, test } from 'vitest'
import { runProgram } from '#src/cli/run-program.ts'
import { registerSimulate } from '#src/cli/simulate-command.ts'

type Running = ChildProcessByStdio<null, Readable, Readable>

const main = new URL('../../scripts/podgate.js', import.meta.url).pathname
const running = new Set<Running>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

function simulate(...args: string[]): Running {
  const child = spawn(process.execPath, [main, 'simulate', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  return child
}

async function firstLine(child: Running): Promise<string> {
  return (await printedUntil(child, '\n')).split('\n')[0] ?? ''
}

async function printedUntil(child: Running, end: string): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk
    if (text.includes(end)) break
  }
  return text
}

async function ended(child: Running): Promise<{ code: number | null; errors: string }> {
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk
  })
  const [code] = await once(child, 'close')
  return { code, errors }
}

test('it says where it listens, answers there, and SIGTERM ends it with 0, calls in flight or not', async () => {
  const child = simulate('--port', '0', '--cold', '0')
  const line = await firstLine(child)
  const [, url = ''] = /^simulator listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line) ?? []
  const headers = { authorization: 'Bearer sim-key', 'content-type': 'application/json' }
  const body = JSON.stringify({ input: { prompt: 'hi [[sim:slow-first=600000]]' } })
  const job = await fetch(`${url}/v2/sim-phi/run`, { method: 'POST', headers, body })
  expect(job.status).toBe(200)
  child.kill('SIGTERM')
  expect(await ended(child)).toEqual({ code: 0, errors: '' })
})

test.each([
  ['0.0.0.0', true],
  ['::', true],
  ['127.0.0.2', false],
  ['localhost', false],
])('whether other machines may reach %s is told: %s', async (host, isTold) => {
  const child = simulate('--port', '0', '--host', host, '--json')
  expect(JSON.parse(await firstLine(child))).toMatchObject({ key: 'sim-key' })
  child.kill('SIGTERM')
  const warning = `warning: other machines may reach ${host}: /__control and /engine`
  expect((await ended(child)).errors).toEqual(isTold ? expect.stringContaining(warning) : '')
})

test('an endpoint for real workers comes with the environment that attaches them', async () => {
  const child = simulate('--port', '0', '--endpoint', 'mine', '--workers', 'external', '--json')
  const { url, endpoints, workers } = JSON.parse(await firstLine(child))
  expect(endpoints).toContain('mine')
  expect(workers.mine).toMatchObject({
    RUNPOD_WEBHOOK_GET_JOB: `${url}/v2/mine/job-take/$ID?gpu=NVIDIA+H100`,
    RUNPOD_AI_API_KEY: 'sim-key',
  })
  const headers = { authorization: workers.mine.RUNPOD_AI_API_KEY }
  const taken = fetch(workers.mine.RUNPOD_WEBHOOK_GET_JOB.replace('$ID', 'w1'), { headers })
  const body = JSON.stringify({ input: { prompt: 'hi' } })
  const run = await fetch(`${url}/v2/mine/run`, { method: 'POST', headers, body })
  const { id } = (await run.json()) as { id: string }
  expect(await (await taken).json()).toEqual({ id, input: { prompt: 'hi' } })
})

test('without --json the environment is there to be pasted', async () => {
  const child = simulate('--port', '0', '--endpoint', 'sim-phi', '--workers', 'external')
  const text = await printedUntil(child, 'RUNPOD_SKIP_GPU_CHECK')
  expect(text).toMatch(/^simulator listening on .*\n\n.* attaches to sim-phi with this/)
  expect(text).toMatch(/^export RUNPOD_POD_ID='worker-1'$/m)
})

test('with --json it says so for scripts, and Ctrl-C ends it with 0', async () => {
  const child = simulate('--port', '0', '--json')
  expect(JSON.parse(await firstLine(child))).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    key: 'sim-key',
    endpoints: ['sim-mixtral', 'sim-qwen', 'sim-qwen-b', 'sim-phi', 'sim-embed'],
  })
  child.kill('SIGINT')
  expect(await ended(child)).toEqual({ code: 0, errors: '' })
})

/** Runs the command in this process: only for those that end by themselves. */
async function run(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const program = new Command('podgate')
  registerSimulate(program)
  const say = (line: string) => void lines.push(line)
  return { code: await runProgram(program, ['simulate', ...args], { out: say, err: say }), lines }
}

test('a taken port is one clear line and code 1', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { code, lines } = await run('--port', String(port))
  expect([code, lines]).toEqual([1, [`Cannot listen on 127.0.0.1:${port}: the port is taken.`]])
  server.close()
})

test.each([
  [['--speed', '0']],
  [['--port', 'x']],
  [['--cold', '-1']],
  [['--nonsense']],
  [['--workers', 'external']],
  [['--endpoint', 'x', '--workers', 'y']],
])('wrong usage (%j) is code 2 and a line that says what is wrong', async (args) => {
  const { code, lines } = await run(...args)
  expect([code, lines[0]]).toEqual([2, expect.stringMatching(/^error: /)])
})

test('--help teaches the doors, the faults and two examples', async () => {
  const { code, lines } = await run('--help')
  expect(code).toBe(0)
  expect(lines.join('\n')).toMatch(/sim-key[\s\S]*\[\[sim:cut-after=5\]\][\s\S]*--cold 120/)
})
