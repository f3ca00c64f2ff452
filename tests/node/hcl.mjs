// Reads HCL with HashiCorp's own parser: hcl.mjs FILE
// Prints it as JSON; fails where it is none.

import { readFileSync } from 'node:fs';

import { load } from './packages.mjs';

const { parse } = (await load('@cdktf/hcl2json')).default;
const file = process.argv[2];
console.log(JSON.stringify(await parse(file, readFileSync(file, 'utf8'))));
