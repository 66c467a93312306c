// What becomes of the members of a body, as data: one table for each surface. The code obeys the
// tables, and docs/api.md is written from them. Members that no table names pass as they came.
import type { ModelPolicy } from '#domain'
import type { AnswerRule } from './answer-rules.ts'
import type { Rule } from './rules.ts'

export interface FieldPolicy {
  /** What a member may be; a 400 names the one that is not. */
  checked: readonly Rule[]
  /** Members that no tenant may send on. */
  stripped: ReadonlySet<string>
  /** Members that pass where the model says so, and are left out elsewhere. */
  byModel: readonly ModelField[]
  /** OpenAI's own list: nothing else is sent to a server of that dialect. */
  documented: ReadonlySet<string>
  /** Members of a stream that we set, by the dialect that the upstream is asked in. */
  forced: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Members that bound the answer's tokens; the model's policy caps them. */
  bounds: readonly string[]
  /** What is put right in a whole answer. */
  answer: readonly AnswerRule[]
}

export interface ModelField {
  field: string
  passes(policy: ModelPolicy): boolean
}

/** They choose scheduling, cache or routing inside the server, or show what is the operator's. */
const operatorFields = [
  'priority',
  'request_id',
  'session_id',
  'kv_transfer_params',
  'ec_transfer_params',
  'vllm_xargs',
  'chat_template',
  'media_io_kwargs',
  'mm_processor_kwargs',
  'use_beam_search',
  'return_token_ids',
  'return_tokens_as_token_ids',
  'return_prompt_text',
  'prompt_embeds',
  'routed_experts_prompt_start',
  'stream_interval',
]

/** They mean something to OpenAI only: we read them ourselves, or they have no meaning here. */
const accountFields = [
  'user',
  'metadata',
  'store',
  'service_tier',
  'prediction',
  'moderation',
  'safety_identifier',
]

/**
 * Another gateway can be an upstream. It would read from these where a call goes, with whose
 * credentials, and what else is bought for it.
 */
const routingFields = [
  'models',
  'model_list',
  'provider',
  'custom_llm_provider',
  'route',
  'router',
  'preset',
  'transforms',
  'plugins',
  'fallbacks',
  'context_window_fallbacks',
  'content_policy_fallbacks',
  'api_base',
  'api_key',
  'api_version',
  'base_url',
  'organization',
  'extra_body',
  'extra_headers',
  'extra_query',
  'headers',
  'web_search_options',
  'aws_access_key_id',
  'aws_secret_access_key',
  'aws_session_token',
  'aws_session_name',
  'aws_region_name',
  'aws_profile_name',
  'aws_role_name',
  'aws_web_identity_token',
  'aws_bedrock_runtime_endpoint',
  'azure_ad_token',
  'azure_endpoint',
  'azure_username',
  'azure_password',
  'client_id',
  'client_secret',
  'tenant_id',
  'vertex_ai_credentials',
  'vertex_ai_location',
  'vertex_ai_project',
  'vertex_credentials',
  'vertex_location',
  'vertex_project',
]

export const tenantStripped: readonly string[] = [
  ...operatorFields,
  ...accountFields,
  ...routingFields,
]

export const cacheSalt: ModelField = { field: 'cache_salt', passes: (policy) => policy.cacheSalt }

/** Usage is always asked for: the charge is computed from it. */
export const forcedOnStreams: FieldPolicy['forced'] = {
  openai: { stream_options: '{"include_usage":true}' },
  // The running count tells what to charge a client that leaves before the end.
  vllm: { stream_options: '{"include_usage":true,"continuous_usage_stats":true}' },
}
