/** The session both apps must hold: two logins, a logout, a 401, a logout everywhere. */
export async function session(url, check) {
  const get = (token) => ask(url, 'GET', '/me', token && { authorization: `Token ${token}` });
  const post = (path, headers, body) => ask(url, 'POST', path, headers, body);
  const authorized = (token) => ({ authorization: `Token ${token}` });
  const credentials = (username, password) =>
    post('/auth/login', { 'content-type': 'application/json' }, { username, password });

  const anonymous = await get();
  check('no token: 401', anonymous.status === 401, anonymous);
  check('… with a challenge', anonymous.challenge === 'Token realm="api"', anonymous);

  const wrong = await credentials('ada', 'wrong');
  check('wrong password: 401', wrong.status === 401, wrong);
  check('… invalid_credentials', wrong.body?.code === 'invalid_credentials', wrong);

  const json = await credentials('ada', 'correct horse');
  check('login with JSON: 200', json.status === 200, json);
  check('… 64 hexadecimal characters', /^[0-9a-f]{64}$/.test(json.body?.token), json);
  check('… ten hours', Math.abs(Date.parse(json.body?.expiry) - Date.now() - 36e6) < 6e4, json);

  const userinfo = Buffer.from('ada:correct horse').toString('base64');
  const basic = await post('/auth/login', { authorization: `Basic ${userinfo}` });
  check('login with Basic: 200', basic.status === 200, basic);

  const [first, second] = [json.body?.token, basic.body?.token];
  const me = await get(first);
  check('guarded route: 200', me.status === 200, me);
  const expected = { username: 'ada', isUser: true, tokenKey: first?.slice(0, 15) };
  check('… the user and its token', JSON.stringify(me.body) === JSON.stringify(expected), me);

  const logout = await post('/auth/logout', authorized(first));
  check('logout: 204', logout.status === 204, logout);
  const after = await get(first);
  check('… then 401', after.status === 401 && after.body?.code === 'invalid_token', after);
  const other = await get(second);
  check('… the other device stays', other.status === 200, other);

  const third = (await credentials('ada', 'correct horse')).body?.token;
  const everywhere = await post('/auth/logoutall', authorized(third));
  check('logoutall: 204', everywhere.status === 204, everywhere);
  for (const token of [second, third]) {
    const gone = await get(token);
    check('… then 401', gone.status === 401, gone);
  }
}

async function ask(url, method, path, headers, body) {
  const answer = await fetch(url + path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    challenge: answer.headers.get('www-authenticate'),
    body: text && JSON.parse(text),
  };
}
