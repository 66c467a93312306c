// Every answer, chunk and error that a test's client gets has OpenAI's shape. The schema is the
// structure of OpenAI's published API description; members beyond it are allowed.
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'

const schema = JSON.parse(readFileSync('tests/golden/schemas/openai.json', 'utf8'))
const ajv = new Ajv2020({ strict: false, logger: false, schemas: [{ ...schema, $id: 'openai' }] })

type Shape =
  | 'chatCompletion'
  | 'chatCompletionChunk'
  | 'completion'
  | 'embeddings'
  | 'modelList'
  | 'model'
  | 'error'

interface Shapes {
  whole: Shape
  chunk?: Shape
}

const modelShapes: Shapes = { whole: 'model' }

/** What each route answers, whole and in chunks. */
const shapesOf: Record<string, Shapes> = {
  '/v1/chat/completions': { whole: 'chatCompletion', chunk: 'chatCompletionChunk' },
  // OpenAI has one shape for both.
  '/v1/completions': { whole: 'completion', chunk: 'completion' },
  '/v1/embeddings': { whole: 'embeddings' },
  '/v1/models': { whole: 'modelList' },
}

export function expectShape(shape: Shape, value: unknown): void {
  const validate = ajv.getSchema(`openai#/answers/${shape}`)
  if (validate === undefined) throw new Error(`there is no schema of ${shape}`)
  if (validate(value)) return
  const mistakes = ajv.errorsText(validate.errors, { dataVar: shape })
  throw new Error(`not OpenAI's shape: ${mistakes} in ${JSON.stringify(value).slice(0, 500)}`)
}

export interface Answered {
  path: string
  status: number
  contentType: string
  text: string
  /** The client has left, or was cut off: the last event may be half. */
  isCut?: boolean
}

export function checkAnswer({ status, contentType, text, isCut = false, ...at }: Answered): void {
  const [path = ''] = at.path.split('?')
  const isModel = path.startsWith('/v1/models/')
  const shapes = shapesOf[path] ?? (isModel ? modelShapes : undefined)
  if (contentType.startsWith('text/event-stream')) {
    for (const event of eventsIn(text)) {
      const isError = typeof event === 'object' && event !== null && 'error' in event
      expectShape(isError ? 'error' : (shapes?.chunk ?? 'error'), event)
    }
  } else if (isCut || !contentType.startsWith('application/json')) {
    return
  } else if (status >= 400) {
    // The public probes answer in words of their own.
    if (path.startsWith('/v1/')) expectShape('error', JSON.parse(text))
  } else if (shapes !== undefined && status === 200) {
    expectShape(shapes.whole, JSON.parse(text))
  }
}

/** The same response; reading it to its end fails where its shape is not OpenAI's. */
export function checkedResponse(response: Response, path: string): Response {
  const { status, statusText, headers, body } = response
  if (body === null) return response
  const decoder = new TextDecoder()
  let text = ''
  const look = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      text += decoder.decode(piece, { stream: true })
      controller.enqueue(piece)
    },
    flush: () =>
      checkAnswer({ path, status, contentType: headers.get('content-type') ?? '', text }),
  })
  return new Response(body.pipeThrough(look), { status, statusText, headers })
}

function eventsIn(text: string): unknown[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .filter((event) => event.startsWith('data: ') && event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.slice('data: '.length)))
}
