"""`/sign-in`: how a browser elsewhere on the network gets the page's cookie, by a key typed in once."""

from __future__ import annotations

import html
from string import Template
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sottovoce.errors import AuthError, ForbiddenError, LimitExceededError, SottovoceError
from sottovoce.gateway.attempts import Attempts, address_of
from sottovoce.gateway.auth import Credentials
from sottovoce.gateway.page_cookie import PageCookie
from sottovoce.http.body import read_body

MAX_FORM_BYTES = 4096
"""Memory: a key is fifty characters."""

FORM = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<title>Sottovoce: sign in</title>
<style>
  :root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif }
  body { display: grid; place-content: center; min-height: 100vh; margin: 0; padding: 0 1.5rem }
  form { display: grid; gap: .75rem; max-width: 26rem }
  h1 { margin: 0; font-size: 1.5rem }
  p { margin: 0 }
  input, button { font: inherit; padding: .6rem .75rem; border-radius: .5rem; border: 1px solid GrayText }
  button { cursor: pointer }
  [role=alert] { font-weight: 600 }
</style>
<form method="post" action="/sign-in">
  <h1>Sottovoce</h1>
  <p id="help">This browser needs a key, once. On the machine where Sottovoce runs,
    <code>sottovoce key create --name phone</code> makes one.</p>
  $fault
  <input type="text" name="username" value="sottovoce" autocomplete="username" hidden>
  <label for="key">Key</label>
  <input id="key" name="key" type="password" required autofocus autocomplete="current-password"
    autocapitalize="none" spellcheck="false" aria-describedby="help">
  <button>Sign in</button>
</form>
</html>
""")
"""No script, and nothing from elsewhere. The referrer lets browsers say where the form was: see the guard."""


def routes(
    credentials: Credentials, attempts: Attempts, cookie: PageCookie, *, is_behind_proxy: bool
) -> list[Route]:
    async def ask(request: Request) -> Response:
        return _form()

    async def sign_in(request: Request) -> Response:
        given = parse_qs((await read_body(request, MAX_FORM_BYTES)).decode("utf-8", "replace"))
        try:
            async with attempts.watched(address_of(request, is_behind_proxy=is_behind_proxy)):
                principal = await credentials.principal_of(given.get("key", [""])[0].strip())
            principal.check_scope("/v1/realtime")
        except (AuthError, ForbiddenError, LimitExceededError) as error:
            return _form(error)
        reply = RedirectResponse("/", 303)
        cookie.give_pass(request, reply, principal)
        return reply

    return [Route("/sign-in", ask), Route("/sign-in", sign_in, methods=["POST"])]


def _form(error: SottovoceError | None = None) -> HTMLResponse:
    fault = f'<p role="alert">{html.escape(error.message)}</p>' if error else ""
    return HTMLResponse(FORM.substitute(fault=fault), error.http_status if error else 200)
