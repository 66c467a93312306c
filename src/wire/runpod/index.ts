// RunPod's job API and the errors of its vLLM worker: shapes and pure functions, no behaviour.
export * from './job.ts'
export * from './python-repr.ts'
export * from './read-python-repr.ts'
export * from './worker-error.ts'
