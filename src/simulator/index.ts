// A RunPod that runs on this machine: queue-based endpoints with an OpenAI route and a job API, in
// front of simulated vLLM servers. Faithful on the happy path, misbehaving on command.
export { readFaultFlag } from './control/fault-flag.ts'
export { bootFaults, callFaults } from './control/fault-tables.ts'
export { drawState } from './control/watch-view.ts'
export { shellLines, workerEnvironment } from './external/worker-environment.ts'
export { type SimulatorOptions, simulatorOptions } from './options.ts'
export { realOptions } from './real-options.ts'
export { type Simulator, startSimulator } from './server.ts'
export { readTrace, stretched } from './trace/read-trace.ts'
export { runTrace, type TraceReport } from './trace/run-trace.ts'
