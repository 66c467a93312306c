// Where settings come from: defaults < configs/<env>/*.yaml < environment < flags, read once, into
// one checked value. Secrets are read apart and are never part of it.
export { loadEnvFile } from './env-file.ts'
export { loadConfig } from './load-config.ts'
export { ConfigMistakes } from './mistakes.ts'
export { describeOptions, type OptionRow } from './option-tree.ts'
export { isAmong, readSecrets, type Secrets } from './secrets.ts'
export { yamlValue } from './yaml-value.ts'
