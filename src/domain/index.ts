// The nouns of the product, and the glossary of its words below. This room imports nothing of ours.
export * from './abortable.ts'
export type * from './answer.ts'
export * from './api-key.ts'
export type * from './call.ts'
export * from './clock.ts'
export * from './duration.ts'
export * from './fault.ts'
export * from './ids.ts'
export * from './listener-set.ts'
export * from './model.ts'
export * from './model-policy.ts'
export * from './money.ts'
export type * from './rates.ts'
export type * from './readiness.ts'
export type * from './record.ts'
export * from './token-bound.ts'
export type * from './upstream.ts'
export * from './usage.ts'
export * from './when-empty.ts'

/*
Glossary

# A call
call: What a client asks of Podgate. It is *accepted* once its booking succeeded.
API key: Who is asking, and what that client may use.
scope: What an API key is for: chat, embeddings, reading as an admin, or administering.
surface: What a client speaks, with its route, such as `openai-chat`.
dialect: What a server behind us understands, such as `vllm` or `openai`.
demand: Something in a body that only some models allow.
sequence: One text that is generated. A call has one for each choice of each of its prompts.
usage: How many tokens a call took, and who counted them.
token bound: The most tokens that a call can take, known before anybody counts them.
fault: A bad end, one of the fixed table in `domain/fault.ts`.
deadline: The moment at which an unfinished call is abandoned.
abandon: To stop a call for its fault: its signal aborts, and every wait for it ends.
client end: The client as the relay sees it: what can be written to it, and whether it left.
company: The comments on a silent stream that tell its client what the call waits for.
speech: The text that is written to a client, where events that came together go together.
ending: How a call ends: complete, or with a fault.
story: The record of a call while it is being written.
call record: What is left of a call: one frozen value. Log, metrics and ledger are made from it.
attempt record: The same for one attempt, written when its permit was released.

# Models and upstreams
model: What can be asked for.
deployment: What serves a model: an endpoint of RunPod, or a server.
kind: How a deployment is reached: one folder of `upstreams`.
upstream: A deployment as it is asked: it opens answers, and tells its readiness and places.
slot: One sequence that a warm deployment can generate beside others.
third party: Somebody else who runs a deployment. Model and API key must both allow it.
capability: What a model can do, such as calling tools.
model policy: What a model allows its clients beyond what every model allows.
routing policy: Which deployment a model asks first: `order`, `weighted` or `least-busy`.
readiness: Whether a deployment could answer now, told without waking it.
progress: What a call waits for upstream, told to its client by company.
answer: What an upstream gives back, as a sequence of upstream events.
upstream event: A chunk, a whole body, the mark of the end, or a failure.
orphan: Work that may go on upstream after its call was abandoned.

# Admission
admission: What a call must pass before it is accepted: model, limits, and the bound of the line.
booking: What admission sets aside, all or nothing: a reservation, and room in the line.
limits: How much an API key may use: requests, tokens, and calls at once.
rates: What is left of the limits per minute, as clients are told.
bucket: What an API key may use in a minute. It refills evenly.
place: Room for one sequence, at a deployment or among the calls at once of an API key.
calls at once: The places of an API key, and the line of its own calls that wait for some.
turn: The moment at which a call gets its places among the calls at once of its API key.
reservation: The tokens and places of its API key that are set aside for one call.
settle: To make a record known, and to give back the tokens that were reserved and not used.

# Routing
routing: Where a call goes, when, and how often it is tried.
line: The calls that wait before one model, in the order in which they came.
waiter: One call in the line, until it has its permit or leaves.
plan: The deployments that may answer a call, in the order in which they are asked.
first choice: The first deployment of a call's first plan.
fallback: An answer from a deployment that is not the first choice.
station: A deployment as routing sees it: upstream, circuit, pause, and the places taken.
fleet: All stations of this gateway.
load: What the operator is told of a station: readiness, circuit, places, and how many are taken.
permit: The places that one attempt takes at a station until the work there is over.
released: Given back: the work at the upstream is over, or was held long enough.
attempt: One try to have a call answered by one deployment. A call has one or more.
hop: Why an attempt is made, and whether it leaves the first choice.
peek: A look at the first event of an answer before its client sees a status.
verdict: What follows a failed attempt: again, elsewhere, wait, or give up.
turned away: Refused by an upstream that is full or has no worker yet. Nothing was begun.
patience: How long a call waits for upstreams that say they are full.
retry budget: How many of all calls under way may be retried at the same time.
circuit: Whether a station is asked. Closed: yes; open: not yet; half-open: one trial at a time.
trial: The one real call that tries a station whose circuit is half-open; others say probe.
pause: The time for which a station that turned a call away is left alone.

# Endings of names
…ask: What a caller hands over with its question.
…ports: What a part needs of others, handed to it when it is made.
…options: The settings of a room, as its schema checked them.
*/
