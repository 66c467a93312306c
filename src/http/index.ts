// The door to the world: route, guard and socket only. Nothing else imports fastify.
export { httpOptions } from './options.ts'
export type { DeploymentStanding, HttpPorts, Refusal, Standing } from './ports.ts'
export { buildServer, type HttpServer } from './server.ts'
