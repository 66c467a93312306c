// What a gateway loads stays in its memory for as long as it runs.
import { expect, test } from 'vitest'
import { startProcess, urlOf } from '../support/gateway-process.ts'
import { modelAt, testKey } from '../support/test-gateway.ts'

/** Writes the path of every module, ours and of packages, to standard error as it is loaded. */
const told = `
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    const [path] = /(?:node_modules|src)\\/.+$/.exec(url) ?? []
    if (path !== undefined) console.error('loaded ' + path)
    return next(url, context)
  },
})`

const credentials = { EXTERNAL_TEST_KEY: 'sk-external-0123456789' }
const production = { ...credentials, ENV: 'prod', API_KEYS: testKey }

async function loadedBy(env: Record<string, string>): Promise<string[]> {
  const hook = `--import=data:text/javascript,${encodeURIComponent(told)}`
  const models = [modelAt({ baseUrl: 'http://127.0.0.1:9' })]
  const gateway = startProcess({ models, env: { ...env, NODE_OPTIONS: hook } })
  await urlOf(gateway)
  gateway.process.kill('SIGTERM')
  expect(await gateway.exited).toBe(0)
  return [...gateway.stderr().matchAll(/^loaded (\S+)$/gm)].map(([, path]) => path ?? '')
}

/** The simulator, other commands, and of packages what belongs to their other uses. */
const unused =
  /^src\/simulator\/|^src\/cli\/(?!serve).+-commands?\.ts|\/undici\/(?:index\.js|lib\/web\/)|\/ajv\//

test('in production only what serving needs is loaded', async () => {
  const loaded = await loadedBy(production)
  expect(loaded).toContain('src/cli/serve-command.ts')
  expect(loaded).toContain('node_modules/undici/lib/dispatcher/pool.js')
  expect(loaded.filter((path) => unused.test(path))).toEqual([])
})

test('while developing the simulator is', async () => {
  expect(await loadedBy(credentials)).toContain('src/simulator/server.ts')
})
