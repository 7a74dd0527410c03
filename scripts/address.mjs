// The public address of the repository. It stands in package.json, and nothing is published before it is set:
//   npm run address -- https://github.com/<owner>/<name>
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ADDRESS = /^https:\/\/github\.com\/([\w-]+)\/[\w.-]+$/;

/** The fields of package.json, and the text of CODEOWNERS, that follow from the address. */
export function filesFor(address) {
  const owner = ADDRESS.exec(address)?.[1];
  if (owner === undefined || address.endsWith('.git')) {
    throw new Error(`Expected https://github.com/<owner>/<name>; got ${address}.`);
  }
  return {
    fields: {
      homepage: `${address}#readme`,
      bugs: `${address}/issues`,
      repository: { type: 'git', url: `git+${address}.git` },
    },
    codeowners: `* @${owner}\n`,
  };
}

/** Writes them. */
export function setAddress(root, address) {
  const { fields, codeowners } = filesFor(address);
  const path = join(root, 'package.json');
  const manifest = { ...JSON.parse(readFileSync(path, 'utf8')), ...fields };
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(root, '.github/CODEOWNERS'), codeowners);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [address = 'nothing'] = process.argv.slice(2);
  try {
    setAddress(process.cwd(), address);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
