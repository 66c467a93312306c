// Attaches a real worker of RunPod's Python SDK to the simulator, and points RunPod's Python client
// at it: `npm run test:worker`.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { pythonWith, withoutPython } from './python.ts'

const interpreter = pythonWith({ runpod: '1.12.0' })
if (interpreter === null) process.exitCode = withoutPython('a real RunPod worker')
else {
  const args = ['run', '--config', 'tests/worker/vitest.config.ts']
  const env = { ...process.env, WORKER_PYTHON: resolve(interpreter) }
  const vitest = 'node_modules/vitest/vitest.mjs'
  process.exitCode =
    spawnSync(process.execPath, [vitest, ...args], { stdio: 'inherit', env }).status ?? 1
}
