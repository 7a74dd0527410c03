/** Folders and files of the repository that are no pages of the site, as patterns. */
export const NO_PAGES = [
  '{dist,lib,scripts,soak,test}/**',
  'README.md', // docs/index.md stands in its place
  'CONTRIBUTING.md', // for readers of the source
];

/** Where a Markdown file of the repository is on the site: 'docs/guide/roles.md' is 'guide/roles.md'. */
export function sitePath(file: string): string {
  if (file.startsWith('docs/')) return file.slice('docs/'.length);
  return `project/${file.replace(/\/README\.md$/, '.md').toLowerCase()}`;
}

/** Whether a file of the repository is a page of the site. */
export function isPage(file: string): boolean {
  if (/^(docs|bench|sample)\/.*\.md$/.test(file)) return true;
  return /^[^/]+\.md$/.test(file) && !NO_PAGES.includes(file);
}
