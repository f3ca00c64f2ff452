// Makes Node dial a running Doorward emulator for the names it emulates,
// whichever client asks: fetch, undici, node:https. Everything else stays as
// it is. Loaded by NODE_OPTIONS; reads DOORWARD_PROXY, DOORWARD_HOSTS and DOORWARD_CA.
'use strict';

const fs = require('node:fs');
const tls = require('node:tls');

const hosts = (process.env.DOORWARD_HOSTS ?? '').split(',').filter(Boolean);
const emulated = (host) =>
  hosts.some((known) => (known.startsWith('*') ? host.endsWith(known.slice(1)) : host === known));

// The emulator's own root stands last in its bundle. NODE_EXTRA_CA_CERTS alone
// would not do: Node reads it before it reads an --env-file.
let root;
const trusted = () => {
  if (root === undefined && process.env.DOORWARD_CA) {
    const bundle = fs.readFileSync(process.env.DOORWARD_CA, 'utf8');
    root = bundle.slice(bundle.lastIndexOf('-----BEGIN CERTIFICATE-----'));
  }
  return root;
};

if (process.env.DOORWARD_PROXY && hosts.length > 0) {
  const proxy = new URL(process.env.DOORWARD_PROXY);
  const connect = tls.connect;
  // connect(options[, callback]) or connect(port[, host][, options][, callback])
  tls.connect = function (...given) {
    const callback = given.find((one) => typeof one === 'function');
    const options = { ...given.find((one) => typeof one === 'object' && one !== null) };
    if (typeof given[0] !== 'object') {
      options.port = given[0];
      if (typeof given[1] === 'string') options.host = given[1];
    }
    const name = String(options.servername || options.host || '').toLowerCase();
    // A client that made its own way here, through the proxy for instance, brings its socket.
    if (options.socket || !emulated(name)) return connect.apply(this, given);
    const here = { ...options, servername: name, host: proxy.hostname, port: Number(proxy.port) };
    if (!here.ca && !here.secureContext) here.ca = trusted();
    return callback ? connect.call(this, here, callback) : connect.call(this, here);
  };
}
