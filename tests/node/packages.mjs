// Loads a package from where `scripts/test` installed it: the folder in PACKAGES.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(`${process.env.PACKAGES}/package.json`);

export const load = (name) => import(pathToFileURL(resolve(name)));
