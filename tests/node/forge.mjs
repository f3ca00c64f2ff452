// Signs what an attacker can sign: forge.mjs ALG HEADER CLAIMS KEY. For HS256
// the key is any text, a published PEM for instance; for the others a fresh key is made.

import { constants, createHmac, generateKeyPairSync, sign } from 'node:crypto';

const [alg, header, claims, key] = process.argv.slice(2);
const encode = (text) => Buffer.from(text).toString('base64url');
const message = `${encode(header)}.${encode(claims)}`;

function signature() {
  if (alg === 'HS256') return createHmac('sha256', key).update(message).digest();
  if (alg === 'ES256') {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return sign('sha256', Buffer.from(message), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const padding = alg === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  return sign('sha256', Buffer.from(message), { key: privateKey, padding, saltLength: 32 });
}

process.stdout.write(`${message}.${signature().toString('base64url')}`);
