// The parameter that a server complains about, as far as the client may hear it. Servers name paths
// in the client's body, which may hold their own classes and the keys of a tool's schema. Only
// numbers and names that are OpenAI's or vLLM's are passed on.

const known = new Set(
  (
    'audio best_of chat_template_kwargs content detail dimensions echo encoding_format ' +
    'frequency_penalty function functions function_call ignore_eos image_url input input_tokens ' +
    'json_schema length_penalty logit_bias logprobs max_completion_tokens max_tokens messages ' +
    'min_p min_tokens modalities model n name parallel_tool_calls parameters presence_penalty ' +
    'prompt reasoning reasoning_effort repetition_penalty response_format role schema seed ' +
    'skip_special_tokens stop stop_token_ids stream stream_options strict structured_outputs ' +
    'suffix temperature text thinking_token_budget tool_call_id tool_calls tool_choice tools ' +
    'top_k top_logprobs top_p truncate_prompt_tokens type url user verbosity'
  ).split(' '),
)

/** `body.stop` becomes `stop`; `messages.0.Class.content` becomes `messages.0`. */
export function safeParam(param: string | null): string | null {
  const path = (param ?? '').slice(0, 200).replace(/^body\./, '')
  // Each name with the dot or bracket before it.
  const parts = path.match(/^[a-z_]+|[.[](?:[a-z_]+|\d{1,6}\]?)/gy) ?? []
  const unknownAt = parts.findIndex((part) => !isKnown(part))
  const told = parts.slice(0, unknownAt === -1 ? parts.length : unknownAt).join('')
  return told === '' || /^[.[]/.test(told) ? null : told
}

function isKnown(part: string): boolean {
  const name = part.replace(/^[.[]/, '').replace(/\]$/, '')
  return known.has(name) || /^\d+$/.test(name)
}
