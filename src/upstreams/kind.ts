// What a kind of upstream is: the options of its deployments, a way to open one, and, where it has
// any, what it wants to be told from outside. `app` collects the latter from all kinds, so that a
// setting or a credential of a kind is declared in the folder of that kind alone.
import type { z } from 'zod'
import type { Clock, Deployment, Upstream } from '#domain'
import type { UpstreamOptions } from './options.ts'

/** What a kind was told from outside. */
export interface KindSettings {
  /** Its section of the configuration, as its `section` checked it; undefined if it has none. */
  section: unknown
  /** A secret by the name of its environment variable, if the kind declares it; null: not given. */
  secret(name: string): string | null
}

export interface KindContext {
  deployment: Deployment
  /** What the registry says of it now: slots and deadlines may change while it is open. */
  latest(): Deployment
  options: UpstreamOptions
  settings: KindSettings
  clock: Clock
}

export interface StartAsk {
  isProduction: boolean
  /** Every deployment of this kind, also those that are switched off. */
  deployments: readonly Deployment[]
  settings: KindSettings
}

/** Where the simulator of this process listens, and the key that it takes. */
export interface SimulatorDoor {
  url: string
  key: string
}

export interface UpstreamKind {
  optionsSchema: z.ZodObject
  /** Its own section of the configuration, which is called as the kind is. */
  section?: z.ZodObject
  /** Environment name → option of the section. */
  envNames?: Readonly<Record<string, string>>
  /** Environment names of its secrets, or patterns of whole names. It can read no others. */
  secrets?: readonly (string | RegExp)[]
  /** The secrets without which a deployment with these options cannot be asked. */
  secretsOf?(options: Readonly<Record<string, unknown>>): string[]
  /** What keeps a gateway from starting, a line for each mistake. */
  startMistakes?(ask: StartAsk): string[]
  /** For a kind that the simulator replaces while developing, unless a real one is configured. */
  simulation?: {
    isConfigured(settings: KindSettings, env: Readonly<Record<string, string | undefined>>): boolean
    /** The settings with which the simulator is asked. */
    settings(door: SimulatorDoor, settings: KindSettings): KindSettings
  }
  /** Every origin that a deployment with these options, which are good, is asked at. */
  originsOf(options: unknown, settings: KindSettings): string[]
  open(context: KindContext): Upstream
}

export type UpstreamKinds = Readonly<Record<string, UpstreamKind>>
