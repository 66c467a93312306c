// Whether a deployment could answer now, as far as we know without waking it.

export type Readiness =
  | { state: 'warm' }
  | { state: 'warming'; phase: string; etaMs: number | null }
  | { state: 'cold'; etaMs: number | null }
  | { state: 'no-capacity' }
  | { state: 'failing' }
  /** Its definition is one that this gateway cannot open. */
  | { state: 'broken' }
  | { state: 'off' }
  | { state: 'unknown' }

/** What a waiting client can hear, as a heartbeat comment. */
export interface Progress {
  phase: 'queued' | 'connecting' | 'warming' | 'waiting'
  etaMs: number | null
}
