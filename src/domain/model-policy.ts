// What a model allows its clients beyond what every model does. A model says only where it differs.

/** Who speaks in OpenAI's chat. */
export const chatRoles = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const

/** The most roles that a model may add to them. */
export const chatRolesMax = 16

export interface ModelPolicy {
  /** Members of `chat_template_kwargs` that clients may set. */
  templateArguments: readonly string[]
  /** Clients may set `cache_salt`: prompts with different salts share no prefix cache. */
  cacheSalt: boolean
  /** Content may be named by URL: the model's server then fetches what its clients name. */
  remoteMedia: boolean
  /**
   * Content may be an id of media that the server has seen before, whoever sent them, or tensors,
   * which can crash it.
   */
  trustedMedia: boolean
  /** Deployments of others may answer, where the key allows it too. */
  allowThirdParty: boolean
  /** Messages may be said by these too. */
  roles: readonly string[]
  /** How many sequences a call may generate: prompts times `n`. */
  sequencesMax: number
  /** What `/v1/completions` generates at most where the client does not say. */
  completionTokens: number
  /** What the model's template may add to the texts of a call, at most. */
  templateTokens: number
  /** More than this is not generated, whatever the client says; null: as much as there is room. */
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
  // OpenAI's own default. Servers differ, and some would go on to the end of the context.
  completionTokens: 16,
  templateTokens: 1024,
  outputTokensMax: null,
}

export function policyOf(model: { policy?: Partial<ModelPolicy> | undefined }): ModelPolicy {
  return model.policy === undefined ? usual : { ...usual, ...model.policy }
}
