// The names of the job API's operations, as they stand in a path. They are apart from the
// operations so that the check of a fault rule, which is an option, does not load the job API.
// biome-ignore format: a list
const operationNames = [
  'run', 'runsync', 'status', 'status-sync', 'stream', 'cancel', 'retry', 'purge-queue',
  'requests', 'batch', 'health', 'metrics',
] as const

export type OperationName = (typeof operationNames)[number]

export function isOperationName(name: string): name is OperationName {
  return operationNames.some((known) => known === name)
}
