// `lib` is tested as ES modules, as NestJS 12 needs: see the `test` script for the flag of Node it takes.
export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Faults and clocks take their time, and others need programs: see the scripts `test:…`.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/smoke/',
    '<rootDir>/test/faults/',
    '<rootDir>/test/time/',
    '<rootDir>/test/topologies/',
    '<rootDir>/test/browser/',
  ],
  // A package.json of a built or copied app must not be taken for a module of ours.
  modulePathIgnorePatterns: [
    '<rootDir>/dist/',
    '<rootDir>/test/smoke/',
    '<rootDir>/sample/.*/node_modules/',
  ],
  // What the code of a document or a sample imports. A mapper that could match inside node_modules breaks better-sqlite3.
  moduleNameMapper: {
    '^nestjs-knox$': '<rootDir>/lib/index.ts',
    '^nestjs-knox/django$': '<rootDir>/lib/django/index.ts',
    '^nestjs-knox/live$': '<rootDir>/lib/live/index.ts',
    '^nestjs-knox/swagger$': '<rootDir>/lib/swagger/index.ts',
    '^nestjs-knox/testing$': '<rootDir>/lib/testing/index.ts',
  },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          // As in tsconfig.json.
          transform: {
            legacyDecorator: true,
            decoratorMetadata: true,
            useDefineForClassFields: false,
            verbatimModuleSyntax: true,
          },
          keepClassNames: true,
        },
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  testEnvironment: 'node',
  // For a test that hangs, not for one that is slow: others may be using the machine.
  testTimeout: 60_000,
  maxWorkers: 2,
};
