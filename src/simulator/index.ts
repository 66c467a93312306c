// A RunPod that runs on this machine: queue-based endpoints with an OpenAI route and a job API, in
// front of simulated vLLM servers. Faithful on the happy path, misbehaving on command.
export { type SimulatorOptions, simulatorOptions } from './options.ts'
export { type Simulator, startSimulator } from './server.ts'
