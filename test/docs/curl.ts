/** A line for curl, as the documents and the sample print it, sent with fetch. */
export async function runCurl(
  line: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ status: number; headers: Headers; body: any }> {
  const [command, ...words] = shellWords(line, variables);
  if (command !== 'curl') throw new Error(`Not a line for curl: ${line}`);
  let url = '';
  let method: string | undefined;
  let body: string | undefined;
  const headers = new Headers();
  while (words.length > 0) {
    const word = words.shift() as string;
    if (word === '-i') continue;
    else if (word === '-X') method = words.shift();
    else if (word === '-d') body = words.shift();
    else if (word === '-u') headers.set('authorization', `Basic ${btoa(words.shift() ?? '')}`);
    else if (word === '-H') {
      const [name = '', ...value] = (words.shift() ?? '').split(': ');
      headers.set(name, value.join(': '));
    } else if (word.startsWith('-')) throw new Error(`curl ${word} is not known here: ${line}`);
    else url = word;
  }
  method ??= body === undefined ? 'GET' : 'POST';
  const answer = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Words as a POSIX shell would split them: single quotes, and double quotes with $VARIABLES. */
function shellWords(line: string, variables: Readonly<Record<string, string>>): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) =>
      single ??
      (double ?? (bare as string)).replace(/\$(\w+)/g, (_, name) => variables[name] ?? ''),
  );
}
