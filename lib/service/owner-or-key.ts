/**
 * The owner of tokens, or an object with the owner's key: an application may have classes of its own for its users, with
 * keys of another type. TypeScript does not know which property is the key, so it accepts an object that has one of the
 * owner's properties. TokenService looks for the key in it, and throws a TypeError if there is none.
 */
export type OwnerOrKey<Owner extends object> =
  | Owner
  | ([keyof Owner] extends [never] ? never : { readonly [Property in keyof Owner]?: unknown });
