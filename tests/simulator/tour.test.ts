// The five minutes of docs/simulator.md: every command line in them does what the page says.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runSimulator } from './support/running.ts'

const page = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8')
const tour = page.split('## In five minutes\n')[1]?.split('\n## ')[0] ?? ''
const simulator = runSimulator()

interface Curl {
  url: string
  method: string
  headers: { [name: string]: string }
  body: string | undefined
}

/** The indented command lines that begin with `curl`, those that go on over several lines as one. */
function curls(): Curl[] {
  const commands = tour.replaceAll(/\\\n\s*/g, '').matchAll(/^ {4}curl (.+)$/gm)
  return [...commands].map(([, words = '']) => {
    const parts = [...words.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare)
    const after = (flag: string) => parts.flatMap((part, at) => (part === flag ? [at + 1] : []))
    const [bodyAt = -1] = after('-d')
    const [methodAt = -1] = after('-X')
    const headers = after('-H').map((at) => (parts[at] ?? '').split(': '))
    return {
      url: parts.find((part) => part?.startsWith('http')) ?? '',
      method: parts[methodAt] ?? (bodyAt === -1 ? 'GET' : 'POST'),
      headers: Object.fromEntries(headers),
      body: parts[bodyAt],
    }
  })
}

test('every command is answered, one after the other', async () => {
  const commands = curls()
  expect(commands.length).toBeGreaterThan(6)
  let jobId = ''
  for (const { url, method, headers, body } of commands) {
    const there = url.replace('http://127.0.0.1:8090', simulator.url()).replace('<id>', jobId)
    const response = await fetch(there, { method, headers, ...(body && { body }) })
    const answer = (await response.json()) as { id?: string }
    expect([url, response.status]).toEqual([url, 200])
    if (url.endsWith('/run')) jobId = answer.id ?? ''
  }
})

test('the marker that it shows cuts the answer', async () => {
  const [, text = ''] = /-d '(\{[^']+cut-after=5[^']+)'/.exec(tour) ?? []
  const response = await simulator.call(
    '/v2/sim-phi/openai/v1/chat/completions',
    JSON.parse(text) as object,
  )
  await expect(response.text()).rejects.toThrow()
})
