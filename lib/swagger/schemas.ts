import type { Feature } from '../entities/feature-columns.ts';
import type { DeclaredClass } from '../http/declared-classes.ts';
import { KnoxController } from '../http/knox.controller.ts';
import { KnoxSessionsController } from '../http/knox-sessions.controller.ts';
import type { RealmParts } from '../http/realms.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { formatAsIso } from '../options/resolve-options.ts';
import { MAX_NAME_LENGTH } from '../requests/session-name.ts';
import { nullable, type OpenApiDocument, type Schema } from './openapi.ts';

/**
 * The schemas of the bodies and answers of a controller, as the options and the token entity make them. What a hook of the
 * application makes may be anything.
 */
export class Schemas {
  readonly #type: DeclaredClass;
  readonly #parts: RealmParts;
  readonly #document: OpenApiDocument;

  constructor(type: DeclaredClass, parts: RealmParts, document: OpenApiDocument) {
    this.#type = type;
    this.#parts = parts;
    this.#document = document;
  }

  get credentials(): Schema {
    const { usernameField, passwordField } = this.#settings;
    return object({
      [usernameField]: { type: 'string' },
      [passwordField]: { type: 'string', format: 'password' },
    });
  }

  /** The name of the session is optional, and ignored if the token entity has no column for it. */
  get credentialsAndName(): Schema {
    if (!this.#has('name')) return this.credentials;
    const properties = { ...(this.credentials.properties as object), name: this.#name };
    return { ...this.credentials, properties };
  }

  /** The answer to a login. */
  get login(): Schema {
    if (this.isOverridden('getLoginResponse')) return {};
    const isFormatted = this.isOverridden('formatExpiry');
    const answer = {
      expiry: isFormatted ? {} : this.#instant(true),
      token: { type: 'string' },
    };
    const isSerialized = this.#settings.userSerializer !== null;
    const isOverridden = this.isOverridden('getUserSerializer');
    const schema = object(isSerialized || isOverridden ? { ...answer, user: {} } : answer);
    // In a cookie, the token is not in the body; an override may leave the user out.
    const optional = [
      ...(this.#settings.cookie ? ['token'] : []),
      ...(isOverridden ? ['user'] : []),
    ];
    const required = Object.keys(schema.properties as object);
    return { ...schema, required: required.filter((name) => !optional.includes(name)) };
  }

  get session(): Schema {
    if (this.isOverridden('describe')) return {};
    const text: Schema = nullable({ type: 'string' }, this.#document);
    const abilities = { type: 'array', items: { type: 'string' } };
    const columns: Partial<Record<Feature, Schema>> = {
      name: this.#name,
      abilities: nullable(abilities, this.#document),
      lastUsed: this.#instant(true),
      ip: text,
      userAgent: text,
    };
    const features = Object.entries(columns).filter(([name]) => this.#has(name as Feature));
    return object({
      id: { type: 'string', pattern: '^[0-9a-f]{32}$' },
      created: this.#instant(false),
      expiry: this.#instant(true),
      current: { type: 'boolean' },
      ...Object.fromEntries(features),
    });
  }

  get newName(): Schema {
    return object({ name: this.#name });
  }

  get count(): Schema {
    return object({ count: { type: 'integer', minimum: 0 } });
  }

  /** Whether the application has a method of its own for this one of the package's controller. */
  isOverridden(method: string): boolean {
    const implementation = methodOf(this.#type, method);
    const ours = [KnoxController, KnoxSessionsController].map((type) => methodOf(type, method));
    return implementation !== undefined && !ours.includes(implementation);
  }

  get #name(): Schema {
    return nullable({ type: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH }, this.#document);
  }

  /** An instant, as `formatExpiry` makes it. */
  #instant(isNullable: boolean): Schema {
    if (this.#settings.formatExpiry !== formatAsIso) return {};
    const instant = { type: 'string', format: 'date-time' };
    return isNullable ? nullable(instant, this.#document) : instant;
  }

  #has(feature: Feature): boolean {
    return this.#parts.logins.tokens.hasFeature(feature);
  }

  get #settings(): KnoxSettings {
    return this.#parts.requests.settings;
  }
}

/** An object that has all of these properties. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', required: Object.keys(properties), properties };
}

function methodOf(type: DeclaredClass, method: string): unknown {
  return Reflect.get(type.prototype as object, method);
}
