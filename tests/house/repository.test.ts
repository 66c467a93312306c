// Files that the repository must have, pinned dependencies and actions, one Node version
// everywhere, and endpoint files in the form that RunPod takes.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readModelsFile } from '#src/models/index.ts'
import { filesBelow, root } from './source-files.ts'

const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')

const required = `package.json package-lock.json tsconfig.json biome.json knip.json vitest.config.ts
  src tests configs docker scripts .github docs README.md rulebook.md todo.md project-outline.md
  CHANGELOG.md CONTRIBUTING.md LICENSE .ci/run .gitignore .dockerignore .npmrc src/main.ts
  docs/architecture.md docs/glossary.md
  configs/dev/gateway.yaml configs/prod/gateway.yaml configs/dev/endpoint.json
  configs/prod/endpoint.json configs/dev/models.yaml configs/local.env.example`

test.each(required.split(/\s+/))('%s is there', (path) => {
  expect(existsSync(`${root}${path}`)).toBe(true)
})

test('the folders at the top are those that the outline names', () => {
  const named = [...read('project-outline.md').matchAll(/^\| `([\w-]+)\/` \|/gm)]
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
  const folders = tracked.split('\n').flatMap((path) => /^([^./][^/]*)\//.exec(path)?.[1] ?? [])
  expect([...new Set(folders)].toSorted()).toEqual(named.map(([, name]) => name).toSorted())
})

test('the lockfile holds checksums and no download addresses', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<
      string,
      { resolved?: string; integrity?: string; os?: string[]; cpu?: string[] }
    >
  }
  const entries = Object.entries(packages).filter(([path]) => path !== '')
  expect(entries.length).toBeGreaterThan(50)
  expect(entries.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  // npm knows no checksum of other platforms' binaries where it never fetched them.
  const here = entries.filter(([, { os, cpu }]) => os === undefined && cpu === undefined)
  expect(here.filter(([, { integrity }]) => integrity === undefined)).toEqual([])
})

test('dependencies are pinned to exact versions, and the runtime is an optional one', () => {
  const manifest = JSON.parse(read('package.json'))
  const { dependencies, devDependencies, optionalDependencies } = manifest
  const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([])
  expect(optionalDependencies.node).toMatch(/^26\./)
  expect(manifest.allowScripts.node).toBe(true)
})

test('one runtime everywhere: package, image and workflow name the same version', () => {
  const version = JSON.parse(read('package.json')).optionalDependencies.node
  expect(read('docker/gateway/Dockerfile')).toContain(`node:${version}-`)
  expect(read('.github/workflows/ci.yml')).toContain(`node-version: ${version}`)
})

const workflows = filesBelow('.github').filter((path) => /\.ya?ml$/.test(path))

test.each(workflows)(
  '%s pins every action by its commit and asks for no more than reading',
  (path) => {
    const workflow = parse(read(path)) as {
      permissions: unknown
      jobs: Record<string, { steps: { uses?: string }[] }>
    }
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)
    const uses = steps.flatMap((step) => (step.uses === undefined ? [] : [step.uses]))
    expect(uses.length).toBeGreaterThan(0)
    expect(uses.filter((name) => !/^[\w./-]+@[\da-f]{40}$/.test(name))).toEqual([])
    expect(workflow.permissions).toEqual({ contents: 'read' })
  },
)

test.each(['dev', 'prod'])('configs/%s/endpoint.json is what RunPod takes', (environment) => {
  const endpoint = JSON.parse(read(`configs/${environment}/endpoint.json`))
  expect(endpoint).toMatchObject({
    type: 'QUEUE',
    gpu: { pools: ['ADA_80_PRO'], count: 4 },
    env: { TENSOR_PARALLEL_SIZE: '4' },
  })
  expect(endpoint.timeout).toBeGreaterThan(0)
  // RunPod refuses an idle timeout beside this scaler.
  if (endpoint.scaling.type === 'REQUEST_COUNT') {
    expect(endpoint.workers).not.toHaveProperty('idleTimeout')
    expect(endpoint.scaling.requestCount).toBeLessThanOrEqual(Number(endpoint.env.MAX_CONCURRENCY))
  }
  const values = Object.entries(endpoint.env as Record<string, unknown>)
  expect(
    values.filter(([name, value]) => typeof value !== 'string' || /_TOKEN$|_KEYS?$/.test(name)),
  ).toEqual([])
})

test('while developing, as many calls are sent to a deployment as the endpoint takes', () => {
  const { env, workers } = JSON.parse(read('configs/dev/endpoint.json'))
  const { models } = readModelsFile(read('configs/dev/models.yaml'))
  const slots = models.flatMap(({ deployments }) => deployments.map((one) => one.slots))
  expect(new Set(slots)).toEqual(new Set([Number(env.MAX_CONCURRENCY) * workers.max]))
})
