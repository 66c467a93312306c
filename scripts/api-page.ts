// docs/api.md: the routes, and what becomes of each parameter, written from the tables that the
// code itself obeys.
import { policyOf } from '../src/domain/index.ts'
import { type AnswerRule, type Surface, surfaces } from '../src/surfaces/index.ts'

/** Route → who may use it, and what it answers. A test compares them with the server's own. */
export const routes: Record<string, [access: string, answers: string]> = {
  'POST /v1/chat/completions': ['key, scope `chat`', 'a chat completion, whole or streamed'],
  'POST /v1/completions': ['key, scope `chat`', 'a completion of one or many prompts'],
  'POST /v1/embeddings': ['key, scope `embeddings`', 'a vector for each input'],
  'GET /v1/models': ['key', 'the models that the key may use'],
  'GET /v1/models/*': ['key', 'one of them; slashes in its id raw or as `%2F`'],
  'GET /v1/key': [
    'key',
    'the key’s own limits, what is left of them, and its use since the start; `limits.running` ' +
      'counts the places that its calls take (their [sequences](keys.md#calls-at-once)), ' +
      '`limits.waiting` calls',
  ],
  'GET /auth/info': ['key', 'who the key is and what it may do; never the secret'],
  'GET /health': ['public', 'whether this process lives'],
  'GET /healthz': ['public', 'the same'],
  'GET /readyz': ['public', 'whether it takes calls, and why not'],
  'GET /health/detailed': [
    '`admin-read`',
    'every deployment with readiness, places and circuit, and every line',
  ],
  'GET /resilience/stats': ['`admin-read`', 'how tries ended since the start, and every gate'],
  'GET /metrics': ['`admin-read`', 'metrics for Prometheus: [metrics.md](metrics.md)'],
}

/** Route → member → what it says. A test compares them with the answers. */
export const operatorMembers: Record<string, Record<string, string>> = {
  '/health/detailed': {
    status: '`ok`, or `failing` where this gateway takes no calls',
    reason: 'why it takes none; else null',
    version: 'of this Podgate',
    uptime_seconds: 'since the start',
    ledger: '`ok`, or `failing` where it cannot be written',
    'deployments[].deployment': 'its id; deployments of models that are switched off are not here',
    'deployments[].model': 'the model that it serves',
    'deployments[].readiness':
      'its `state` as it was last heard of (`off`: switched off, `broken`: cannot be opened), and ' +
      'what is known besides, such as `eta_ms`',
    'deployments[].places':
      'sequences that the deployment takes at once now; null where it is not open',
    'deployments[].running': 'sequences that run there',
    'deployments[].circuit': '`closed`, `open` or `half-open`: [circuits](#circuits)',
    'lines[].model': 'a model',
    'lines[].waiting': 'calls in its line: they wait for the model, not for one of its deployments',
  },
  '/resilience/stats': {
    since_seconds: 'seconds since the start, from which all counts below begin',
    attempts: 'tries at deployments: `total`, `answered`, `faulted`, `abandoned`',
    retries: 'attempts that were not the first of their call',
    wasted_seconds: 'seconds for which places at deployments were taken for nothing',
    faults: 'how many attempts ended in each fault',
    'gates[].deployment': 'its id',
    'gates[].places': 'as above',
    'gates[].running': 'as above',
    'gates[].circuit': 'as above',
    'gates[].is_paused': 'the deployment said that it is full, and is asked nothing for a moment',
  },
}

/** The headers of a request that are read, beside those that HTTP itself has. */
const requestHeaders: Record<string, string> = {
  'x-podgate-deadline-ms':
    'the whole call ends after so many milliseconds (plain digits, above 0), if that is sooner ' +
    'than the configured end; anything else is a 400',
  'x-podgate-wait':
    'how long to wait for a place among the key’s own calls at once, and for a deployment that says ' +
    'it is full: `never`, or seconds in plain digits. It only shortens `limits.concurrencyWaitMs` ' +
    'and `routing.fullWaitMs`. It bounds neither a cold start nor the wait for a model whose ' +
    'places are taken by calls of this gateway. Anything else is a 400',
  'x-stainless-timeout, x-stainless-read-timeout':
    'the SDK’s own patience: comments on a stream come sooner, whole answers end within it',
  'x-request-id': 'kept beside Podgate’s own id in log and ledger, up to 64 plain characters',
}

/** The headers of an answer, beside those that HTTP itself has. */
const answerHeaders: Record<string, string> = {
  'x-request-id': 'Podgate’s id of the request, which log and ledger have as well',
  'x-ratelimit-{limit,remaining,reset}-requests':
    'of the key’s minute, with every answer of a route that calls a model; the reset as `1.5s` or ' +
    '`1m0s`',
  'x-ratelimit-{limit,remaining,reset}-tokens':
    'the same of the key’s tokens, with every answer to a key that has such a limit ' +
    '([keys.md](keys.md))',
  'retry-after, retry-after-ms': 'when to come again, between 1 and 60 seconds from now',
  'x-podgate-eta-ms': 'the same as Podgate knows or estimates it, beyond 60 seconds too',
  'x-should-retry': '`false`: the same request will fail again',
  'x-podgate-model, x-podgate-deployment, x-podgate-transport': 'what was asked, and how',
  'x-podgate-queue-ms, x-podgate-cold-start':
    'how long the call waited before it was sent, and whether it met a cold deployment',
  'x-podgate-overhead-ms': 'of a whole answer: the time that Podgate itself took',
}

export function apiPage(table: (head: string[], rows: string[][]) => string): string[] {
  const routeRows = Object.entries(routes).map(([route, cells]) => [`\`${route}\``, ...cells])
  return [
    '# API',
    'Podgate answers as OpenAI does: any OpenAI client works with its `baseURL` pointed at Podgate. ' +
      'The errors are in [errors.md](errors.md). Only the three routes that call a model ask an ' +
      'upstream anything: looking is free. `/admin/*` makes the changes that the commands make.',
    table(['route', 'who', 'answers'], routeRows),
    'A known path with another method is a 405 whose `Allow` names the right ones.',
    '## What an operator sees',
    ...Object.entries(operatorMembers).flatMap(([path, members]) => [
      `### \`GET ${path}\``,
      table(
        ['member', 'says'],
        Object.entries(members).map(([name, says]) => [`\`${name}\``, says]),
      ),
    ]),
    '### Circuits',
    'A deployment that fails too often is left alone: its circuit opens after five failures in a ' +
      'row, or when half of at least twenty calls within 30 s failed. After 5 s it is half-open: ' +
      'one call tries the deployment. If that one succeeds, the circuit closes; if it fails, the ' +
      'circuit is open again, for twice as long each time, up to a minute. Where the circuits of ' +
      'all deployments that may answer a call are open, the call is a 503 `circuit_open` at once, ' +
      'whose `retry-after` is the time of the next trial.',
    'Each change is a line of the log: `event` `circuit`, `deployment`, and the new state in ' +
      '`circuit`; an error where it opens. The metric `podgate_circuit_state` says the same ' +
      '([metrics.md](metrics.md)).',
    '`POST /admin/models/reset-circuit` with `{"deployment": "…"}`, or `podgate models ' +
      'reset-circuit`, closes a circuit by hand, and the next call is sent at once. The answer ' +
      'names `deployment` and `model`, the state that its circuit `was` in, and its state now in ' +
      '`circuit`. A circuit that was closed already stays as it is, and leaves no line in the ' +
      'audit. Each gateway has circuits of its own, and only the gateway that is asked resets one.',
    '## What a request’s headers say',
    table(
      ['header', 'means'],
      Object.entries(requestHeaders).map(([names, means]) => [listed(names.split(', ')), means]),
    ),
    '## What an answer’s headers say',
    table(
      ['header', 'means'],
      Object.entries(answerHeaders).map(([names, means]) => [listed(names.split(', ')), means]),
    ),
    '## What becomes of a parameter',
    'Podgate passes a parameter to the model’s server as it came, to the byte, unless a table below ' +
      'names it. A checked parameter may be absent or null, and a null is not passed on. Any other ' +
      'value that is not as the table says is a 400 that names the parameter in `param`. A member ' +
      'that is given twice is a 400 too.',
    'What a parameter that passes does is up to the server. vLLM reads `functions`, ' +
      '`function_call`, `audio`, `modalities` and `verbosity` and does nothing with them: use ' +
      '`tools`. Tools are functions; any other type is a 400. RunPod’s OpenAI route loses the reason ' +
      'of a refusal, so a mistake that Podgate does not find is a 502 that says so. A text that is ' +
      'probably too long is a 400: see [what is too long](#what-is-too-long).',
    'The parts of a stream are put right as a whole answer is. The end of a choice is said once. ' +
      'Where an upstream says the end again, `finish_reason` is null there, and the rest of that ' +
      'event stays.',
    'For a deployment of the dialect `vllm`, what vLLM surely refuses is a 400: `n` above 1 where ' +
      '`temperature` is 0, and `min_tokens` above `max_tokens`. A deployment of the dialect `openai` ' +
      'is not sent what vLLM alone knows, such as the `response_format` of type `structural_tag`.',
    'Where a chat names both `max_completion_tokens` and `max_tokens`, the first counts. Podgate ' +
      'lowers the second to the first, because some servers go by the second.',
    'A header `idempotency-key` is not read yet: two calls with the same key are two calls.',
    ...surfaces.flatMap((surface) => surfacePart(surface, table)),
    '## What a model allows',
    'Each model in `models.yaml` may say under `policy` where it differs:',
    policyTable(table),
    'A call that is a 400 for one of these is refused before anything is reserved or sent.',
    'The content of a message is a text or a list of parts. A bare text and parts of the types ' +
      '`text` and `refusal` pass; `image_url` and `video_url` where the model’s `capabilities` name ' +
      '`vision`; `input_audio` and `audio_url` where they name `audio`; `image_embeds`, ' +
      '`audio_embeds`, `video_embeds`, `prompt_embeds` and `image_pil` where `trustedMedia` is on. ' +
      'Any other part is a 400 that names it, and so is one of these members in a part of another ' +
      'type. Other members of a part, such as `cache_control`, pass.',
    '## What is too long',
    'Only the model’s own server can count the tokens of a text. What that server refuses as too ' +
      'long is a 400 `context_length_exceeded` for the client. In two cases Podgate itself says so:',
    '- A text that no tokeniser could make fit is refused unsent. Its bytes in UTF-8 ÷ 128, and the ' +
      'tokens that the client asks for, are together more than the model’s `contextTokens`. Of a ' +
      'chat, the texts of all messages count together; of several prompts, the longest counts. ' +
      'Where `outputTokensMax` is smaller than what the client asks for, it counts instead. A ' +
      'prompt that is sent as tokens is counted exactly.\n' +
      '- Some platforms say that a call failed and keep the reason to themselves, as RunPod’s ' +
      'OpenAI route does. Where nothing of an answer came, Podgate then measures the text by what is ' +
      'usual: its bytes ÷ 4 (or the tokens that were sent), and the tokens that the answer may have, ' +
      'against `contextTokens`. Tools and calls of tools count as well. If that is too much, the ' +
      'call is a 400 `context_length_exceeded` that says that this is the likely cause; else it ' +
      'stays a 502. The log shows what the upstream said.',
    'Podgate does neither with a chat that holds anything but text, nor where ' +
      '`truncate_prompt_tokens` is sent.',
  ]
}

function surfacePart(surface: Surface, table: (head: string[], rows: string[][]) => string) {
  const { checked, stripped, byModel, documented, forced, answer } = surface.fields
  const rules = [...checked].sort((one, other) => (one.field < other.field ? -1 : 1))
  const sets = Object.entries(forced).flatMap(([dialect, members]) =>
    Object.entries(members).map(([name, value]) => `\`${name}\`: \`${value}\` (${dialect})`),
  )
  return [
    `### \`POST ${surface.path}\``,
    table(
      ['checked', 'may be'],
      rules.map(({ field, expected }) => [`\`${field}\``, expected]),
    ),
    `Never passed on: ${listed([...stripped].sort())}.`,
    `Passed on where the model allows it: ${listed(byModel.map(({ field }) => field))}.`,
    'To a deployment of the dialect `openai` only OpenAI’s own members go; any other that is ' +
      'neither null nor above is a 400 that names it: ' +
      `${listed([...documented].filter((name) => !stripped.has(name)).sort())}.`,
    ...(sets.length === 0 ? [] : [`Set by Podgate on streams: ${sets.join(', ')}.`]),
    table(
      ['in a whole answer', 'becomes'],
      [['`model`', 'the name that was asked for'], ...answerRows(answer)],
    ),
  ]
}

function answerRows(rules: readonly AnswerRule[], path = ''): string[][] {
  return rules.flatMap(({ member, does, within }) => {
    const name = `${path}${member}`
    const rows = [[`\`${name}\``, does]]
    return within === undefined ? rows : [...rows, ...answerRows(within, `${name}.`)]
  })
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}

function policyTable(table: (head: string[], rows: string[][]) => string): string {
  const meaning: Record<keyof ReturnType<typeof policyOf>, string> = {
    trustedMedia:
      'content may name media by the `uuid` under which the server has cached them, or be tensors ' +
      '(`image_embeds` and the like); off, it is a 400',
    allowThirdParty:
      'deployments of others (`thirdParty` in [models.md](models.md#deployments)) may answer, where ' +
      'the key allows it too ([keys.md](keys.md#third-parties))',
    templateArguments: 'members of `chat_template_kwargs` that pass; others are a 400',
    cacheSalt: '`cache_salt` passes: prompts with different salts share no prefix cache',
    remoteMedia:
      '`image_url`, `video_url` and `audio_url` may be http(s) and are fetched by the model’s ' +
      'server; else only `data:` URLs pass, and others are a 400',
    roles:
      'roles of messages that pass beside OpenAI’s `developer`, `system`, `user`, `assistant`, ' +
      '`tool` and `function`; others are a 400',
    sequencesMax:
      'the most choices that one call may ask for, over all its prompts (prompts × `n`); inputs of ' +
      '`/v1/embeddings` do not count',
    completionTokens: '`max_tokens` of `/v1/completions` where the client names none',
    templateTokens:
      'how many tokens the model’s template may add to the texts of a call: with the bytes of its ' +
      'body, the most that its prompt is reserved and charged for',
    outputTokensMax: '`max_tokens` and `max_completion_tokens` are lowered to it; null: no cap',
  }
  const rows = Object.entries(policyOf({})).map(([name, value]) => [
    `\`${name}\``,
    `\`${JSON.stringify(value)}\``,
    meaning[name as keyof typeof meaning],
  ])
  return table(['policy', 'usually', 'meaning'], rows)
}
