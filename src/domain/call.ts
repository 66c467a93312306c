// A client's call: the facts that we act on, and the body as it came.
import type { ApiKey } from './api-key.ts'
import type { Capability, SurfaceName } from './model.ts'
import type { Rates } from './rates.ts'

/** Where a top-level member stands in an object's text, so that it can be cut out or replaced. */
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
  /** As they came. Their text is not kept: it would survive every young collection of the heap. */
  bytes: Buffer
  /** Where they stand in the bytes. */
  members: readonly JsonMember[]
}

/** Something in a body that only some models allow, and the parameter that holds it. */
export type Demand =
  /** Content that a model must be able to read. */
  | { wants: 'capability'; param: string; needs: Capability }
  /** A role of a message that is none of OpenAI's. */
  | { wants: 'role'; param: string; role: string }
  /** More than one sequence to generate. */
  | { wants: 'sequences'; param: string; count: number }
  /** Something that the model's server would have to fetch. */
  | { wants: 'remote-media'; param: string }
  /** Something that the server would have to trust: an id of its cache, or tensors. */
  | { wants: 'trusted-media'; param: string }
  /** A member that only servers of this dialect know: checked for each attempt. */
  | { wants: 'dialect'; param: string; dialect: string }
  | { wants: 'template-argument'; param: string; name: string }
  /** A prompt that was sent as so many tokens. */
  | { wants: 'context'; param: string; count: number }
  /** A bound on the generated tokens. */
  | { wants: 'tokens'; param: string; count: number }

/** How much a model has to read, as far as we know without its tokeniser. */
export interface PromptSize {
  /** The parameter that holds the prompt. */
  param: string
  /** UTF-8 bytes of the texts: the model reads all of them, whatever its template is. */
  textBytes: number
  /** Bytes of tools and tool calls, which some templates leave out. */
  toolBytes: number
  /** How many tokens, if it was sent as tokens. */
  tokens: number
}

/** What a surface reads out of a body. */
export interface CallFacts {
  modelId: string
  stream: boolean
  /** The client asked to see usage at the end of its stream. */
  wantsUsage: boolean
  /** How many choices the answer must finish, for all prompts together. */
  choices: number
  /** How many places it takes at a deployment: prompts times choices; embeddings take one. */
  sequences: number
  /** How many prompts; each has the same number of choices. */
  prompts: number
  /** The most completion tokens that the client allows; null: it named no number. */
  maxTokens: number | null
  /** If it named none: the policy's usual number, or as many as the context has room for. */
  unnamedTokens: 'policy' | 'context'
  /** The tokens of all prompts together, if they were sent as tokens. */
  promptTokens: number | null
  /** Of the longest prompt; null: its size does not tell whether it fits. */
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
  /** What its key has left after this request was taken. */
  rates: Rates
  receivedAtMs: number
  receivedTicksMs: number
  deadlineTicksMs: number
  /** After so much silence a comment is sent, before the client loses patience. */
  keepAliveMs: number
  /** How long it waits for its key or a full deployment; null: as long as the gateway allows. */
  waitMaxMs: number | null
}
