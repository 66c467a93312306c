// The door to the world: route, guard and socket only. Nothing else imports fastify.
export { type HttpOptions, httpOptions } from './options.ts'
export type { HttpPorts, Refusal } from './ports.ts'
export { buildServer, type HttpServer } from './server.ts'
