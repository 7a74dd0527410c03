/** A part of an SQL statement: texts with a parameter between each two of them. */
export class Sql {
  readonly texts: readonly string[];
  readonly parameters: readonly unknown[];

  constructor(texts: readonly string[], parameters: readonly unknown[]) {
    this.texts = texts;
    this.parameters = parameters;
  }
}

/**
 * Makes a part of a statement: sql`SELECT ${column} FROM ${table} WHERE ${column} = ${value}`. An Sql value is
 * spliced in as text, with its own parameters; any other value is a parameter.
 */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return concat(strings, values);
}

/** Text as it stands: a keyword or an escaped name, never a value. */
sql.raw = (text: string): Sql => new Sql([text], []);

/** Nothing. */
sql.empty = new Sql([''], []);

/** Several parts with a text between them; values that are not Sql become parameters. */
sql.join = (values: readonly unknown[], between = ', '): Sql => {
  if (values.length === 0) return sql.empty;
  return concat(['', ...Array<string>(values.length - 1).fill(between), ''], values);
};

/** A statement that TypeORM's query builder has rendered: its text holds the placeholders already. */
sql.rendered = (text: string, parameters: readonly unknown[]): Sql => new Sql([text], parameters);

/** How a database writes the place of a parameter. */
export interface Placeholders {
  placeholder(index: number): string;
}

/** The statement as a driver takes it. Names and literals may hold any character: no text is searched. */
export function render(
  { texts, parameters }: Sql,
  dialect: Placeholders,
): { readonly text: string; readonly parameters: readonly unknown[] } {
  let [text = ''] = texts;
  for (let index = 1; index < texts.length; index++) {
    text += dialect.placeholder(index - 1) + (texts[index] ?? '');
  }
  return { text, parameters };
}

function concat(strings: readonly string[], values: readonly unknown[]): Sql {
  const texts = [strings[0] ?? ''];
  const parameters: unknown[] = [];
  for (const [index, value] of values.entries()) {
    const next = strings[index + 1] ?? '';
    if (value instanceof Sql) {
      const [first = '', ...rest] = value.texts;
      texts.push((texts.pop() ?? '') + first, ...rest);
      parameters.push(...value.parameters);
      texts.push((texts.pop() ?? '') + next);
    } else {
      parameters.push(value);
      texts.push(next);
    }
  }
  return new Sql(texts, parameters);
}
