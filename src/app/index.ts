// The only room that knows every room: compose, build, listen, drain, close.
export { configurationOf } from './config-schema.ts'
export { startDev } from './dev.ts'
export { type Gateway, startGateway } from './gateway.ts'
export { readSettings, type Settings } from './settings.ts'
