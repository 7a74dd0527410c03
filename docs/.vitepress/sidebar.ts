import type { DefaultTheme } from 'vitepress';

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link });

/** Every page, in the order in which a newcomer would read them. */
export const SIDEBAR: DefaultTheme.SidebarItem[] = [
  {
    text: 'Guide',
    items: [
      page('Concepts', '/guide/concepts'),
      page('A first app', '/guide/first-app'),
      page('A login of your own', '/guide/login'),
      page('Guards', '/guide/guards'),
      page('Users and owners', '/guide/users-and-owners'),
      page('Roles', '/guide/roles'),
      page('In a browser', '/guide/browsers'),
      page('Sessions and devices', '/guide/sessions'),
      page('API keys, and links in mails', '/guide/api-keys'),
      page('Realms', '/guide/realms'),
      page('GraphQL, sockets and streams', '/guide/graphql-and-sockets'),
      page('OpenAPI', '/guide/openapi'),
      page('Tests of your app', '/guide/testing'),
      page('Other set-ups', '/guide/other-set-ups'),
    ],
  },
  {
    text: 'Coming from',
    items: [
      page('django-rest-knox', '/from/django-rest-knox'),
      page('passport-jwt', '/from/passport-jwt'),
      page('better-auth, express-session', '/from/better-auth-and-express-session'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('Options', '/reference/options'),
      page('Routes', '/reference/routes'),
      page('Errors', '/reference/errors'),
      page('Events', '/reference/events'),
      page('Entities and columns', '/reference/entities-and-columns'),
      page('Decorators and providers', '/reference/decorators-and-providers'),
      page('Entry points', '/reference/entry-points'),
      page('API', '/reference/api/'),
    ],
  },
  {
    text: 'Operations',
    items: [
      page('Databases', '/operations/databases'),
      page('Connections', '/operations/connections'),
      page('Replicas', '/operations/replicas'),
      page('Galera', '/operations/galera'),
      page('Failover', '/operations/failover'),
      page('Reliability', '/operations/reliability'),
      page('Pruning', '/operations/pruning'),
      page('Metrics and tracing', '/operations/tracing'),
      page('Upgrades', '/operations/upgrades'),
      page('Security checklist', '/operations/security-checklist'),
    ],
  },
  {
    text: 'How it works',
    items: [
      page('A request', '/how-it-works/request'),
      page('Batching', '/how-it-works/batching'),
      page('Limits', '/how-it-works/limits'),
      page('Speed', '/how-it-works/speed'),
      page('Threat model', '/how-it-works/threat-model'),
      page('The benchmark', '/how-it-works/benchmark'),
    ],
  },
  {
    text: 'Project',
    items: [
      page('What is supported', '/supported'),
      page('Glossary', '/glossary'),
      page('Security', '/project/security'),
      page('Changelog', '/project/changelog'),
    ],
  },
];
