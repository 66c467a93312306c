// A client's call: the facts that we act on, and the body as it came.
import type { ApiKey } from './api-key.ts'
import type { Capability, SurfaceName } from './model.ts'
import type { Rates } from './rates.ts'

/** Where a top-level member stands in an object's text: what may be cut out or replaced. */
export interface JsonMember {
  name: string
  /** The member's first character (the quote of its name) … */
  start: number
  valueStart: number
  /** … and the one behind its value. */
  end: number
}

/** The body of a call as it came, and where its top-level members stand in it. */
export interface CallBody {
  /** As they came. Their text is not kept: it would outlive every young collection of the heap. */
  bytes: Buffer
  /** Where they stand in the bytes. */
  members: readonly JsonMember[]
}

/** Something in a body that only some models allow, and where it stands. */
export type Demand =
  /** Content that a model must be able to read. */
  | { wants: 'capability'; param: string; needs: Capability }
  /** Who speaks, where it is none of OpenAI's. */
  | { wants: 'role'; param: string; role: string }
  /** So many sequences to generate, where they are more than one. */
  | { wants: 'sequences'; param: string; count: number }
  /** Something that the model's server would have to fetch. */
  | { wants: 'remote-media'; param: string }
  /** Something that the server must trust: an id of its cache, or tensors instead of media. */
  | { wants: 'trusted-media'; param: string }
  /** Only servers of this dialect know the member, which is checked for each attempt. */
  | { wants: 'dialect'; param: string; dialect: string }
  | { wants: 'template-argument'; param: string; name: string }
  /** So many tokens to read: a prompt that was sent as tokens. */
  | { wants: 'context'; param: string; count: number }
  /** A bound on what is generated. */
  | { wants: 'tokens'; param: string; count: number }

/** How much a model has to read, as far as that can be told without its tokeniser. */
export interface PromptSize {
  /** The member that holds it. */
  param: string
  /** UTF-8 bytes of the texts, which the model reads whatever its template makes of them. */
  textBytes: number
  /** Bytes of the tools and of the calls of tools, which some templates leave out. */
  toolBytes: number
  /** How many tokens it is, where it was sent as tokens. */
  tokens: number
}

/** What a surface reads out of a body. */
export interface CallFacts {
  modelId: string
  stream: boolean
  /** The client asked to see usage at the end of its stream. */
  wantsUsage: boolean
  /** How many choices the answer must finish, over all prompts. */
  choices: number
  /** How many places it takes where it is generated: prompts times choices; embeddings take one. */
  sequences: number
  /** How many prompts they answer; each has as many choices as the others. */
  prompts: number
  /** The most completion tokens that were asked for, if any were named. */
  maxTokens: number | null
  /** Where none were named: the policy's usual number, or as many as the context has room for. */
  unnamedTokens: 'policy' | 'context'
  /** How many tokens there are to read, over all prompts, where they were sent as tokens. */
  promptTokens: number | null
  /** Of the longest prompt; null where its length does not tell whether it fits. */
  promptSize: PromptSize | null
  /** Hash of the client's own name for its end user. */
  endUserHash: string | null
  demands: readonly Demand[]
  body: CallBody
}

export interface Call extends CallFacts {
  id: string
  clientRequestId: string | null
  surface: SurfaceName
  key: ApiKey
  /** What its key has left, once this request was taken. */
  rates: Rates
  receivedAtMs: number
  receivedTicksMs: number
  deadlineTicksMs: number
  /** Silence before a comment, shorter than the client's own patience. */
  keepAliveMs: number
  /** How long it waits for its key's turn or a full deployment; null: as long as it is let. */
  waitMaxMs: number | null
}
