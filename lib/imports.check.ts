import type { ModulesContainer } from '@nestjs/core';
import { getMetadataArgsStorage } from 'typeorm';
import { KNOX_MODULE, ONE_COPY } from './copies.ts';
import { KnoxConfigError } from './errors/knox-config.error.ts';
import { KNOX_SETTINGS } from './options/runtime-options.ts';
import { STATIC_SETTINGS, type StaticSettings } from './static-options.ts';

type ModuleInContainer = ModulesContainer extends Map<string, infer M> ? M : never;

/** The KnoxModules of an application, in whichever copy of the package they are. */
export function knoxModulesIn(modules: ModulesContainer): ModuleInContainer[] {
  return [...modules.values()].filter(
    ({ metatype }) => (metatype as { [KNOX_MODULE]?: unknown })[KNOX_MODULE] === true,
  );
}

/**
 * Checks that each KnoxModule has options, and is a realm of its own.
 *
 * @param isOurs whether a class is KnoxModule, as this copy of the package has it
 * @throws KnoxConfigError
 */
export function checkImports(
  modules: ModulesContainer,
  isOurs: (metatype: unknown) => boolean,
): void {
  const imported = knoxModulesIn(modules);
  if (!imported.every(({ metatype }) => isOurs(metatype))) {
    throw new KnoxConfigError(
      'imports',
      `KnoxModule is imported from several copies of nestjs-knox; ${ONE_COPY}.`,
    );
  }
  if (!imported.every(({ providers }) => providers.has(KNOX_SETTINGS))) {
    throw new KnoxConfigError(
      'imports',
      'KnoxModule is imported without options; write KnoxModule.forRoot({ … }) or ' +
        'KnoxModule.forRootAsync({ … }).',
    );
  }
  // A module whose options are wrong has none; it will say so.
  const settings = imported.flatMap(
    ({ providers }) =>
      (providers.get(STATIC_SETTINGS)?.instance as StaticSettings | undefined) ?? [],
  );
  settings.forEach((one, i) => {
    for (const other of settings.slice(0, i)) checkPair(other, one);
  });
}

function checkPair(one: StaticSettings, other: StaticSettings): void {
  if (one.realm === other.realm) {
    throw new KnoxConfigError(
      'realm',
      `KnoxModule is imported more than once for the realm '${one.realm}'; import it once, in the root module, where ` +
        "isGlobal (the default) lets every module use it. For users of another kind, give it a realm, such as 'staff'.",
    );
  }
  const names = `'${one.realm}' and '${other.realm}'`;
  if (one.controller && other.controller && routeOf(one.path) === routeOf(other.path)) {
    throw new KnoxConfigError(
      'path',
      `the realms ${names} have their routes at the same; give one another path, or controller: false.`,
    );
  }
  if (one.dataSource !== other.dataSource) return;
  if (one.tokenEntity === other.tokenEntity || haveOneTable(one.tokenEntity, other.tokenEntity)) {
    throw new KnoxConfigError(
      'tokenEntity',
      `the realms ${names} keep their tokens in one table; give each a token entity and a table of its own.`,
    );
  }
}

/** Routers take the case of a path and slashes around it differently: what some take for equal is refused. */
function routeOf(path: string): string {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')
    .toLowerCase();
}

/** Whether two entities are declared with the same name of a table. */
function haveOneTable(...entities: [unknown, unknown]): boolean {
  const [one, other] = entities.map((entity) => {
    const table = getMetadataArgsStorage().tables.find(({ target }) => target === entity);
    return table?.name === undefined
      ? undefined
      : JSON.stringify([table.database, table.schema, table.name]);
  });
  return one !== undefined && one === other;
}
