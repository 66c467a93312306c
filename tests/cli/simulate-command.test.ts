import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'

type Running = ChildProcessByStdio<null, Readable, Readable>

const main = new URL('../../src/main.ts', import.meta.url).pathname
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
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text.split('\n')[0] ?? ''
}

async function ended(child: Running): Promise<{ code: number | null; errors: string }> {
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk
  })
  const [code] = await once(child, 'close')
  return { code, errors }
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'it says where it listens, answers there, and ends with 0 on %s',
  async (signal) => {
    const child = simulate('--port', '0', '--cold', '0', '--speed', '1000')
    const line = await firstLine(child)
    const [, url = ''] = /^simulator listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line) ?? []
    const response = await fetch(`${url}/v2/sim-phi/health`, {
      headers: { authorization: 'Bearer sim-key' },
    })
    expect(response.status).toBe(200)
    child.kill(signal)
    expect(await ended(child)).toEqual({ code: 0, errors: '' })
  },
)

test('with --json it says so for scripts', async () => {
  const child = simulate('--port', '0', '--json')
  expect(JSON.parse(await firstLine(child))).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    key: 'sim-key',
    endpoints: ['sim-mixtral', 'sim-qwen', 'sim-phi', 'sim-embed'],
  })
})

test('a taken port is one clear line and code 1', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { code, errors } = await ended(simulate('--port', String(port)))
  expect([code, errors]).toEqual([1, `Cannot listen on 127.0.0.1:${port}: the port is taken.\n`])
  server.close()
})

test.each([['--speed', '0'], ['--port', 'x'], ['--cold', '-1'], ['--nonsense']])(
  'wrong usage (%s %s) is code 2',
  async (...args) => {
    const { code, errors } = await ended(simulate(...args))
    expect(code).toBe(2)
    expect(errors).toMatch(/error/)
  },
)
