// What Cloudflare's provider for Terraform takes: provider_schema.mjs TYPE…
//
// Read from the declarations of a package that is generated from the
// provider's schema, and spells its names as TypeScript does: so letters are
// all that is told of a name, and a list that the provider names in the
// singular has its `s`. Prints, for each type of resource, its attributes:
// whether one is required, and what those in it are; null where any may be.
// Nothing of the package is run, so `package.json` has a small one in the
// place of what it would run with.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(process.env.PACKAGES, 'node_modules', '@pulumi', 'cloudflare');
const text = (path) => readFileSync(join(folder, path), 'utf8');
const inputs = text('types/input.d.ts');

const letters = (name) => name.replaceAll('_', '').toLowerCase();

/** The members of an interface: their names, whether they may be left out, and their types. */
function members(declarations, name) {
  const rest = declarations.split(`export interface ${name} {\n`)[1];
  if (rest === undefined) throw new Error(`there is no ${name}`);
  return [...rest.slice(0, rest.search(/^}/m)).matchAll(/^ {4}(\w+)(\??): (.*)$/gm)];
}

function attributes(declarations, name) {
  const attribute = ([, name, optional, type]) => {
    const inner = type.match(/inputs\.(\w+)/)?.[1];
    return [letters(name), { required: optional === '', of: inner ? attributes(inputs, inner) : null }];
  };
  return Object.fromEntries(members(declarations, name).map(attribute));
}

function resource(type) {
  const words = type.replace(/^cloudflare_/, '').split('_');
  const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
  return attributes(text(`${name[0].toLowerCase()}${name.slice(1)}.d.ts`), `${name}Args`);
}

console.log(JSON.stringify(Object.fromEntries(process.argv.slice(2).map((type) => [type, resource(type)]))));
