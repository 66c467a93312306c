// What a gateway loads stays in its memory for as long as it runs.
import { expect, test } from 'vitest'
import { startProcess, urlOf } from '../support/gateway-process.ts'
import { modelAt, testKey } from '../support/test-gateway.ts'

/** Writes the path of every module below `src` to standard error as it is loaded. */
const told = `
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    const [, path] = /\\/(src\\/.+)$/.exec(url) ?? []
    if (path !== undefined && !url.includes('node_modules')) console.error('loaded ' + path)
    return next(url, context)
  },
})`

async function loadedBy(env: Record<string, string>): Promise<string[]> {
  const hook = `--import=data:text/javascript,${encodeURIComponent(told)}`
  const models = [modelAt({ baseUrl: 'http://127.0.0.1:9' })]
  const gateway = startProcess({ models, env: { ...env, NODE_OPTIONS: hook } })
  await urlOf(gateway)
  gateway.process.kill('SIGTERM')
  expect(await gateway.exited).toBe(0)
  return [...gateway.stderr().matchAll(/^loaded (\S+)$/gm)].map(([, path]) => path ?? '')
}

const isForOthers = (path: string) =>
  /^src\/(?:simulator\/|cli\/(?!serve).+-commands?\.ts)/.test(path)

test('in production neither the simulator nor another command is loaded', async () => {
  const env = { ENV: 'prod', API_KEYS: testKey, EXTERNAL_TEST_KEY: 'sk-external-0123456789' }
  const loaded = await loadedBy(env)
  expect(loaded).toContain('src/cli/serve-command.ts')
  expect(loaded.filter(isForOthers)).toEqual([])
})

test('while developing the simulator is', async () => {
  expect(await loadedBy({ EXTERNAL_TEST_KEY: 'sk-external-0123456789' })).toContain(
    'src/simulator/server.ts',
  )
})
