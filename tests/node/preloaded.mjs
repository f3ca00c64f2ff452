// Every way in which Node connects, to a host that is emulated; and one to a host that is not:
// preloaded.mjs HOST PORT. Prints what each was answered.

import { get } from 'node:https';
import { connect as http2 } from 'node:http2';
import { connect } from 'node:tls';

const [host, port] = process.argv.slice(2);
const path = '/cdn-cgi/access/certs';
const url = `https://${host}${path}`;

const asked = (socket) =>
  new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (data) => resolve(Number(String(data).split(' ')[1])) || socket.destroy());
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });

const answers = {
  fetch: (await fetch(url)).status,
  https: await new Promise((resolve, reject) =>
    get(url, (answer) => resolve(answer.statusCode) || answer.resume()).on('error', reject),
  ),
  tls: await asked(connect({ host, port: 443, servername: host })),
  positional: await asked(connect(443, host, { servername: host })),
  http2: await new Promise((resolve, reject) => {
    const session = http2(`https://${host}`).on('error', reject);
    const stream = session.request({ ':path': path });
    stream.on('response', (fields) => resolve(fields[':status']) || session.close());
    stream.resume();
  }),
  elsewhere: await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: 'elsewhere.test' });
    socket.on('error', (error) => resolve(error.code));
  }),
};
process.stdout.write(JSON.stringify(answers));
