// Reads a streamed answer as a client would see it: its content, how it ended, its usage.

export interface StreamedAnswer {
  text: string
  content: string
  /** Events that carried content. */
  contents: number
  finish: string | null
  usage: { prompt_tokens: number; completion_tokens: number } | null
  error: string | null
  isDone: boolean
}

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason: string | null }[]
  usage?: { prompt_tokens: number; completion_tokens: number }
  error?: { message: string }
}

export function readAnswer(text: string): StreamedAnswer {
  const answer: StreamedAnswer = {
    text,
    content: '',
    contents: 0,
    finish: null,
    usage: null,
    error: null,
    isDone: text.endsWith('data: [DONE]\n\n'),
  }
  const blocks = text.split('\n\n').slice(0, -1)
  for (const block of blocks.filter((one) => one !== 'data: [DONE]')) {
    const chunk = JSON.parse(block.replace(/^data: /, '')) as Chunk
    const content = chunk.choices?.[0]?.delta?.content
    if (content) answer.contents += 1
    answer.content += content ?? ''
    answer.finish = chunk.choices?.[0]?.finish_reason ?? answer.finish
    answer.usage = chunk.usage ?? answer.usage
    answer.error = chunk.error?.message ?? answer.error
  }
  return answer
}

/** What arrived before the connection was torn, or all of it. */
export async function readTorn(response: Response): Promise<{ text: string; torn: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
    return { text, torn: false }
  } catch {
    return { text, torn: true }
  }
}
