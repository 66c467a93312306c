// The path of a request, as the router reads it. A proxy may write the whole URL into the request
// line; the route is the same.

export function pathOf(target: string): string {
  const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '')
  return local.split(/[?#]/)[0] ?? ''
}
