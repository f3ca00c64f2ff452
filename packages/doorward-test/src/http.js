// Requests to the emulator. Names below `.localhost` are this machine, which not every resolver knows, so the
// address is dialled and the name only said; whatever proxy the environment names, it is on this machine.

import http from 'node:http';

const LIMIT = 20_000;

/** One request to a listener of this machine; a `Response` as `fetch` gives it, redirects not followed. */
export async function send(url, { method = 'GET', headers = {}, body } = {}) {
  const { hostname, port, pathname, search, host } = new URL(url);
  const address = /^[\d.]+$/.test(hostname) ? hostname : '127.0.0.1';
  const plain = Object.fromEntries(new Headers(headers));
  const options = { host: address, port, path: pathname + search, method, headers: { ...plain, host }, agent: false };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...options, timeout: LIMIT }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part)).on('error', reject);
      answer.on('end', () => resolve(response(answer, Buffer.concat(parts))));
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${LIMIT / 1000} s`)));
    request.on('error', reject);
    request.end(body);
  });
}

function response({ statusCode, rawHeaders }, body) {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at], rawHeaders[at + 1]);
  const empty = [101, 204, 205, 304].includes(statusCode);
  return new Response(empty ? null : body, { status: statusCode, headers });
}
