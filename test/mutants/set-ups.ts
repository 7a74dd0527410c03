import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

/** How the package meets the application: its adapter, its entities, its container. */
export const SET_UPS: readonly Mutant[] = [
  {
    name: 'A logout waits for its body, and fails if a parser refuses it',
    edits: [replaceBody('BodyRemover.#remove', '')],
    check: { tests: ['test/e2e/unread-bodies.test.ts'] },
    killedBy: /answers as if there were none: broken JSON/,
  },
  {
    name: 'The body is taken off each request whose path ends like that of a logout',
    edits: [replaceIn('KnoxRoutes.#add', /`\^\/\$\{pattern\}/, '`(?:^|/)${pattern}')],
    check: { tests: ['test/e2e/unread-bodies.test.ts'] },
    killedBy: /leaves the body of a route of the application alone/,
  },
  {
    name: 'An onError of background work that throws ends the process',
    edits: [replaceIn('settle', /try \{ onError\(error\); \} catch \{ \}/, 'onError(error);')],
    check: { tests: ['test/async/background-tasks.test.ts'] },
    killedBy: /survives an onError that throws/,
  },
  {
    name: 'A notification that fails is thrown to the work that it tells of',
    edits: [
      replaceIn('EventPublisher.publish', /catch \(error\) \{ onError\(error\); \}/, 'finally { }'),
    ],
    check: { tests: ['test/events/event.publisher.test.ts', 'test/e2e/event-listeners.test.ts'] },
    killedBy: /fails no work if its logger throws|that throws is logged, and changes no answer/,
  },
  {
    name: 'Events go to the first emitter that a module has, whoever listens to it',
    edits: [replaceIn('EventPublisher.#findHolder', /listenedTo \?\? found\[0\]/, 'found[0]')],
    check: { tests: ['test/events/event.publisher.test.ts'] },
    killedBy: /finds the emitter beside a provider/,
  },
  {
    name: "The package's connections outlive the data source",
    edits: [replaceBody('beforeDisconnect', '')],
    check: { tests: ['test/store/reopened-data-source.test.ts'] },
    killedBy: /takes the package’s connections with it|the package sees what the application sees/,
  },
  {
    name: 'Files that the application attaches are not attached to our connection',
    edits: [replaceBody('attachFiles', '')],
    check: { tests: ['test/database/set-ups.test.ts'] },
    killedBy: /may be in an attached file/,
  },
  {
    name: "The marker of KnoxModule is each copy's own",
    edits: [replaceBody('KNOX_MODULE', "Symbol('nestjs-knox:module')")],
    check: { tests: ['test/module/copies.test.ts'] },
    killedBy: /stops the start with its KnoxModule beside the other/,
  },
  {
    name: 'A guard that was made with `new` is found on classes only',
    edits: [replaceBody('methodsOf', 'return [];')],
    check: { tests: ['test/module/guards.test.ts'] },
    killedBy: /made with `new` stops the start/,
  },
];
