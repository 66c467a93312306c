// The commands that a page shows are run as they stand there. Only a port, a folder or the id of a
// key is replaced.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, root } from '../house/source-files.ts'
import { eventsOf } from '../support/client-call.ts'
import { urlOf } from '../support/gateway-process.ts'
import {
  blocksOf,
  type Command,
  curlsOf,
  type ShellBlock,
  shellOf,
} from '../support/page-examples.ts'
import { checkAnswer, expectShape } from '../support/schema-checks.ts'
import {
  inShell,
  type Printed,
  printedBy,
  type Shell,
  workingCopy,
} from '../support/working-copy.ts'

type Promised = (printed: Printed) => void

const timeoutMs = 120_000
const pageUrl = 'http://127.0.0.1:8080'
const coldMs = 2000
const canRun = process.env.CI === 'true' || spawnSync('curl', ['--version']).status === 0

/** What each comment of the tour promises. */
const tour: Record<string, Promised> = {
  'The models that this key may ask for.'({ out, err }) {
    expect(err).toBe('HTTP 200')
    const models = JSON.parse(out)
    expectShape('modelList', models)
    const ids = models.data.map(({ id }: { id: string }) => id)
    expect(ids).toEqual(expect.arrayContaining(['mixtral-8x22b-instruct', 'phi-2']))
  },
  'A whole answer. The first call meets a cold worker and takes two seconds longer.'(printed) {
    expect(printed.err).toBe('HTTP 200')
    const answer = JSON.parse(printed.out)
    expectShape('chatCompletion', answer)
    expect(answer.model).toBe('mixtral-8x22b-instruct')
    expect(answer.choices[0].message.content.length).toBeGreaterThan(10)
    expect(answer.usage.completion_tokens).toBeLessThanOrEqual(32)
    expect(printed.tookMs).toBeGreaterThan(coldMs * 0.95)
  },
  'A stream. The comment before [DONE] says what the call met on its way.'(printed) {
    const { out, err } = printed
    expect(err).toBe('HTTP 200')
    const contentType = 'text/event-stream'
    checkAnswer({ path: '/v1/chat/completions', status: 200, contentType, text: out })
    const { events, isDone } = eventsOf(out)
    expect(isDone).toBe(true)
    expect(events.length).toBeGreaterThan(2)
    const [, said = ''] = /\n\n: podgate (\{.*\})\n\ndata: \[DONE\]\n\n$/.exec(out) ?? []
    expect(JSON.parse(said)).toMatchObject({ model: 'phi-2', cold_start: true })
  },
  'What it cost, from the ledger.'({ out }) {
    expect(out).toMatch(/^Spent from .* \(7 days\)$/m)
    expect(out).toMatch(/^mixtral-8x22b-instruct +1 +\d+ +[1-9]\d* +0\.\d*[1-9]\d*$/m)
    expect(out).toMatch(/^phi-2 +1 +\d+ +[1-9]\d* +0\.\d*[1-9]\d*$/m)
  },
  'What an operator watches.'({ out, err }) {
    expect(err).toBe('HTTP 200')
    expect(out).toMatch(/^podgate_requests_total\{.*model="mixtral-8x22b-instruct".*\} 1$/m)
    expect(out).toMatch(/^podgate_requests_total\{.*model="phi-2".*\} 1$/m)
  },
}

test.runIf(canRun)(
  'README: from nothing to five minutes later, each line does what it says',
  async () => {
    const folder = workingCopy()
    const { gateway, url } = await started(folder)
    const [shell, sdk] = blocksOf(read('README.md')).filter(isIn('Five minutes'))
    const { settings, commands } = shellOf(shell)
    await runAll(folder, { settings, commands }, { [pageUrl]: url }, tour)
    expect(commands).toEqual(expect.arrayContaining(curlsOf(read('README.md'))))

    expect(sdk?.language).toBe('js')
    expect(sdk?.text).toContain(pageUrl)
    const program = `${sdk?.text.replaceAll(pageUrl, url)}\nconsole.log(JSON.stringify(answer))\n`
    writeFileSync(join(folder, 'tour.mjs'), program)
    // In the same terminal, with what the lines above have set.
    const { out } = await printedBy(folder, `${settings}\nnode tour.mjs`)
    expectShape('chatCompletion', JSON.parse(out))
    expect(JSON.parse(out).choices[0].message.content.length).toBeGreaterThan(10)

    gateway.interrupt()
    await gateway.exited
    expect(gateway.stdout()).toContain('"event":"stopping","signal":"SIGINT"')
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
  },
  timeoutMs,
)

test.runIf(canRun)(
  'README: the commands for one’s own RunPod make a gateway that production starts with',
  async () => {
    const folder = workingCopy()
    copyFileSync(join(root, 'configs/local.env.example'), join(folder, 'configs/local.env'))
    fillIn(folder, { RUNPOD_API_KEY: 'rpa_0123456789abcdef', RUNPOD_ENDPOINT_ID: 'my-endpoint' })
    const printed = new Map<string, Printed>()
    for (const block of blocksOf(read('README.md')).filter(isIn('Your own RunPod'))) {
      for (const { line } of shellOf(block).commands) {
        printed.set(line, await printedBy(folder, line))
      }
    }
    expect([...printed.keys()]).toEqual([
      'npm run podgate -- models apply configs/prod/models.yaml',
      'npm run podgate -- keys create --name website',
    ])
    const [models, keys] = [...printed.values()]
    expect(models?.out).toContain('mixtral-8x22b-instruct')
    const [key = ''] = /pk-podgate-\S+/.exec(keys?.out ?? '') ?? []
    const { gateway, url } = await started(folder, { ENV: 'prod' })
    const headers = { authorization: `Bearer ${key}` }
    const offered = await fetch(`${url}/v1/models`, { headers })
    expect(await offered.json()).toMatchObject({ data: [{ id: 'mixtral-8x22b-instruct' }] })
    expect(gateway.stdout()).not.toContain('simulated')
    gateway.interrupt()
    await gateway.exited
  },
  timeoutMs,
)

test.runIf(canRun)(
  'docs/keys.md and docs/ledger.md: their commands work beside a running gateway',
  async () => {
    const folder = workingCopy()
    const { gateway, url } = await started(folder)
    const keysPage = read('docs/keys.md')
    const [commands] = blocksOf(keysPage)
    const pageId = /key_\w{16}/.exec(commands?.text ?? '')?.[0] ?? ''
    const others: Record<string, string> = { [pageUrl]: url }
    await runAll(folder, shellOf(commands), others, {
      'npm run podgate -- keys create': ({ out, err }) => {
        expect(out).toMatch(/pk-podgate-\S+/)
        others[pageId] = /key_\w{16}/.exec(err)?.[0] ?? 'no id'
      },
      'npm run podgate -- keys update': ({ out }) =>
        expect(out).toMatch(/was changed: teamId, req/),
      'npm run podgate -- keys rotate': ({ out }) => expect(out).toMatch(/pk-podgate-\S+/),
      'npm run podgate -- keys revoke': ({ out }) => expect(out).toContain(others[pageId]),
    })
    await runAll(folder, { settings: '', commands: curlsOf(keysPage) }, others, {
      'curl -s http://127.0.0.1:8080/admin/keys': ({ out, err }) => {
        expect(err).toBe('HTTP 201')
        expect(JSON.parse(out)).toMatchObject({ name: 'website', models: ['phi-2'] })
      },
    })
    const [care] = blocksOf(read('docs/ledger.md'))
    const backups = join(folder, 'backups')
    await runAll(
      folder,
      shellOf(care),
      { '/var/backups/podgate': backups },
      {
        'npm run podgate -- ledger verify': ({ out }) => expect(out).toContain('ledger is whole'),
        'npm run podgate -- ledger export': () => {
          expect(readFileSync(join(folder, 'october.csv'), 'utf8')).toMatch(/^request_id,/)
        },
        'npm run podgate -- backup': ({ out }) => {
          expect(out).toContain('podgate-ledger.db')
          expect(existsSync(join(backups, '2026-11-01/podgate.db'))).toBe(true)
        },
      },
    )
    gateway.interrupt()
    await gateway.exited
  },
  timeoutMs,
)

test.runIf(canRun)(
  'docs/simulator.md: the simulator starts as shown and answers each curl line',
  async () => {
    const folder = workingCopy()
    const page = read('docs/simulator.md')
    const [start] = shellOf(blocksOf(page)[0]).commands
    const [, command = '', pageOf = ''] =
      /^(npm run podgate -- simulate) +# (http:\S+),/.exec(start?.line ?? '') ?? []
    const simulator = inShell(folder, `${command} --port 0`)
    const [, url = ''] = await simulator.printed(/listening on (http:\S+)$/m)
    const others: Record<string, string> = { [pageOf]: url }
    await runAll(folder, { settings: '', commands: curlsOf(page) }, others, {
      [`curl ${pageOf}/v2/sim-phi/openai/v1/chat/completions`]: answers({
        object: 'chat.completion',
        model: 'microsoft/phi-2',
        choices: [{ message: { role: 'assistant', content: expect.stringMatching(/.{10}/) } }],
      }),
      [`curl ${pageOf}/v2/sim-phi/run`](printed) {
        answers({ id: expect.any(String) })(printed)
        others['<id>'] = JSON.parse(printed.out).id
      },
      [`curl ${pageOf}/v2/sim-phi/stream/<id>`]: answers({ stream: expect.any(Array) }),
      [`curl ${pageOf}/v2/sim-phi/status/<id>`]: answers({
        status: expect.stringMatching(/^[A-Z]/),
      }),
      [`curl ${pageOf}/__control/faults`]: answers({}),
      [`curl ${pageOf}/v2/billing/serverless`]: answers({}),
      [`curl -X PATCH ${pageOf}/v2/serverless/sim-phi`]: answers({ workers: { min: 1, max: 5 } }),
      [`curl ${pageOf}/provider/openai/v1/chat/completions`]: answers({
        object: 'chat.completion',
        model: 'Qwen/Qwen2-7B-Instruct',
      }),
      [`curl ${pageOf}/__control/state`]: answers({}),
    })
    simulator.interrupt()
    await simulator.exited
  },
  timeoutMs,
)

test('no other page shows a curl line', () => {
  const pages = ['README.md', ...filesBelow('docs').filter((path) => path.endsWith('.md'))]
  const shown = pages.filter((path) => curlsOf(read(path)).length > 0)
  expect(shown).toEqual(['README.md', 'docs/keys.md', 'docs/simulator.md'])
})

/** `npm ci` is left out: the folder is what it leaves behind. */
async function started(folder: string, env: Record<string, string> = {}) {
  const [first] = blocksOf(read('README.md'))
  expect(first?.text).toBe('npm ci && npm start\n')
  const gateway: Shell = inShell(folder, 'npm start', { API_PORT: '0', ...env })
  return { gateway, url: await urlOf(gateway) }
}

function answers(part: Record<string, unknown>): Promised {
  return ({ out, err }) => {
    expect(err, out).toMatch(/HTTP 20[01]$/)
    expect(JSON.parse(out)).toMatchObject(part)
  }
}

/** Runs each command of a block, in order, and looks at what it promises: no more, no fewer. */
async function runAll(
  folder: string,
  { settings, commands }: ShellBlock,
  others: Readonly<Record<string, string>>,
  promised: Readonly<Record<string, Promised>>,
): Promise<void> {
  const names: string[] = []
  for (const command of commands) {
    const [name, promise] = promiseOf(command, promised)
    const written = `${settings}\n${command.line}`
    const line = Object.entries(others).reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      written,
    )
    promise(await printedBy(folder, line))
    names.push(name)
  }
  expect(names).toEqual(Object.keys(promised))
}

/** By the comment above it, or by how it begins. */
function promiseOf(
  { says, line }: Command,
  promised: Readonly<Record<string, Promised>>,
): [string, Promised] {
  const found = Object.entries(promised).find(([name]) => name === says || line.startsWith(name))
  if (found === undefined)
    throw new Error(`nothing is known of what this promises: ${says} ${line}`)
  return found
}

function isIn(name: string) {
  return ({ heading }: { heading: string }) => heading === name
}

function fillIn(folder: string, values: Record<string, string>): void {
  const path = join(folder, 'configs/local.env')
  let text = readFileSync(path, 'utf8')
  for (const [name, value] of Object.entries(values)) {
    expect(text).toContain(`\n# ${name}=\n`)
    text = text.replace(`\n# ${name}=\n`, `\n${name}=${value}\n`)
  }
  writeFileSync(path, text)
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
