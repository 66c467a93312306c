// What a model allows its clients. A model's definition names only what differs from the usual.

/** The roles of OpenAI's chat. */
export const chatRoles = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const

/** How many roles a model may add. */
export const chatRolesMax = 16

export interface ModelPolicy {
  /** Members of `chat_template_kwargs` that clients may set. */
  templateArguments: readonly string[]
  /** Clients may set `cache_salt`: prompts with different salts share no prefix cache. */
  cacheSalt: boolean
  /** Content may be a URL, which the model's server then fetches. */
  remoteMedia: boolean
  /** Content may be an id of media that any client sent before, or tensors that can crash vLLM. */
  trustedMedia: boolean
  /** Third parties' deployments may answer, if the key allows it too. */
  allowThirdParty: boolean
  /** Roles that messages may have beside OpenAI's. */
  roles: readonly string[]
  /** How many sequences a call may generate: prompts times `n`. */
  sequencesMax: number
  /** What `/v1/completions` generates at most if the client names no number. */
  completionTokens: number
  /** What the model's template may add to the texts of a call, at most. */
  templateTokens: number
  /** The most that is generated, whatever the client says; null: as much as there is room for. */
  outputTokensMax: number | null
}

const usual: ModelPolicy = {
  templateArguments: ['enable_thinking'],
  cacheSalt: false,
  remoteMedia: false,
  trustedMedia: false,
  allowThirdParty: false,
  roles: [],
  sequencesMax: 64,
  // OpenAI's default. Servers differ; some would go on to the end of the context.
  completionTokens: 16,
  templateTokens: 1024,
  outputTokensMax: null,
}

export function policyOf(model: { policy?: Partial<ModelPolicy> | undefined }): ModelPolicy {
  return model.policy === undefined ? usual : { ...usual, ...model.policy }
}
