// Refuses a release that is not ready: `node scripts/check-release.mjs v1.2.3`. The release workflow asks it first.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesFor } from './address.mjs';

/** What is missing for the release of this tag, such as 'v1.2.3'. */
function problemsOf(root, tag) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return [
    ...problemsOfAddress(root, manifest),
    ...problemsOfVersion(root, manifest, tag),
    ...problemsOfPublishing(manifest),
  ];
}

function problemsOfAddress(root, manifest) {
  const url = manifest.repository?.url;
  if (url === undefined) {
    return ['The address is not set. Run `npm run address -- https://github.com/<owner>/<name>`.'];
  }
  const address = url.replace(/^git\+|\.git$/g, '');
  let files;
  try {
    files = filesFor(address);
  } catch (error) {
    return [`"repository" of package.json: ${error.message}`];
  }
  const strays = Object.entries(files.fields)
    .filter(([name, value]) => JSON.stringify(manifest[name]) !== JSON.stringify(value))
    .map(([name]) => `"${name}" of package.json`);
  const path = join(root, '.github/CODEOWNERS');
  if (!existsSync(path)) strays.push('.github/CODEOWNERS');
  return strays.map((name) => `${name} is not that of ${address}. Run \`npm run address\`.`);
}

function problemsOfVersion(root, { version }, tag) {
  const problems = [];
  if (tag !== `v${version}`) problems.push(`The tag is ${tag}, and the version ${version}.`);
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  const heading = changelog
    .split('\n')
    .find((line) => /^## /.test(line) && line.replace(/[[\]]/g, '').split(' ')[1] === version);
  if (heading === undefined) problems.push(`CHANGELOG.md has no heading "## ${version}".`);
  else if (/unreleased/i.test(heading)) {
    problems.push(`CHANGELOG.md calls ${version} unreleased.`);
  }
  const folder = join(root, '.changeset');
  const left = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
  if (left.length > 0) problems.push(`Changesets are left: run \`npx changeset version\`.`);
  return problems;
}

function problemsOfPublishing({ publishConfig = {} }) {
  const { access, provenance } = publishConfig;
  return access === 'public' && provenance === true
    ? []
    : ['"publishConfig" of package.json needs "access": "public" and "provenance": true.'];
}

const problems = problemsOf(process.cwd(), process.argv[2] ?? 'missing');
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
