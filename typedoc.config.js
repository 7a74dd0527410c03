import { OptionDefaults } from 'typedoc';

/** The pages of the API, made of the docstrings: docs/reference/api, which `npm run docs` writes. */
export default {
  entryPoints: ['index', 'django/index', 'live/index', 'swagger/index', 'testing/index'].map(
    (name) => `lib/${name}.ts`,
  ),
  tsconfig: 'tsconfig.esm.json',
  plugin: ['typedoc-plugin-markdown'],
  out: 'docs/reference/api',
  entryFileName: 'index',
  readme: 'none',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  disableSources: true,
  excludeInternal: true,
  excludeExternals: true,
  modifierTags: [...OptionDefaults.modifierTags, '@publicApi'],
  excludeTags: [...OptionDefaults.excludeTags, '@publicApi'],
  validation: { notExported: false }, // a type of the inside, which a public one names
  treatWarningsAsErrors: true,
};
