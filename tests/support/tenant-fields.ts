// Members that no tenant may send on, and none is shown, by name: lists of their own, because one
// that is read from the code under test lacks whatever the code has lost.

/** What chooses scheduling, cache or routing inside a vLLM, or shows what is the operator's. */
const operators =
  'priority request_id session_id kv_transfer_params ec_transfer_params vllm_xargs chat_template ' +
  'media_io_kwargs mm_processor_kwargs use_beam_search return_token_ids ' +
  'return_tokens_as_token_ids return_prompt_text prompt_embeds routed_experts_prompt_start ' +
  'stream_interval'

/** For OpenAI alone. */
const accounts = 'user metadata store service_tier prediction moderation safety_identifier'

/** What other gateways read from a body: where a call goes, as whom, what is bought on the way. */
const routes =
  'models model_list provider custom_llm_provider route router preset transforms plugins ' +
  'fallbacks context_window_fallbacks content_policy_fallbacks api_base api_key api_version ' +
  'base_url organization extra_body extra_headers extra_query headers web_search_options ' +
  'aws_access_key_id aws_secret_access_key aws_session_token aws_session_name aws_region_name ' +
  'aws_profile_name aws_role_name aws_web_identity_token aws_bedrock_runtime_endpoint ' +
  'azure_ad_token azure_endpoint azure_username azure_password client_id client_secret ' +
  'tenant_id vertex_ai_credentials vertex_ai_location vertex_ai_project vertex_credentials ' +
  'vertex_location vertex_project'

export const tenantFields = `${operators} ${accounts} ${routes}`.split(' ')

/** Members of a vLLM's answers that belong to the operator. */
export const operatorsAnswerFields = [
  'prompt_token_ids',
  'prompt_text',
  'prompt_logprobs',
  'kv_transfer_params',
  'ec_transfer_params',
  'metrics',
]
