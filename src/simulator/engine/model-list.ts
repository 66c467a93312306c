// `GET /v1/models`: one model, `created` now on every call, its path given away in `root`.
import type { EndpointOptions } from '../options.ts'

export function modelList(
  model: EndpointOptions,
  permissionId: string,
  createdSeconds: number,
): string {
  const permission = {
    id: permissionId,
    object: 'model_permission',
    created: createdSeconds,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: '*',
    group: null,
    is_blocking: false,
  }
  const entry = {
    id: model.model,
    object: 'model',
    created: createdSeconds,
    owned_by: 'vllm',
    root: `/models/${model.model}`,
    parent: null,
    max_model_len: model.contextTokens,
    permission: [permission],
  }
  return JSON.stringify({ object: 'list', data: [entry] })
}
