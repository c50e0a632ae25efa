"""The layout of the pages: plain HTML, a little CSS, nothing from elsewhere, no script."""

from html import escape

from starlette.responses import HTMLResponse

STYLE = """
body { margin: 0; background: #f4f5f7; color: #1a1f36; font: 16px/1.5 system-ui, sans-serif; }
.sandbox { background: #1a1f36; color: #fff; padding: .6rem 1rem; text-align: center; font-size: .9rem; }
main { max-width: 26rem; margin: 2rem auto; padding: 1.5rem; background: #fff; border-radius: .6rem;
  box-shadow: 0 1px 4px #0003; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; }
.price { font-size: 1.8rem; font-weight: 600; margin: .5rem 0 1rem; }
form { display: grid; gap: .6rem; }
button { padding: .7rem; border: 1px solid #c3c8d4; border-radius: .4rem; background: #fff; font: inherit;
  cursor: pointer; }
button.main { background: #4f46e5; border-color: #4f46e5; color: #fff; }
button:focus-visible, a:focus-visible { outline: 3px solid #a5b4fc; }
[role=alert] { padding: .6rem .8rem; border-radius: .4rem; background: #fde8e8; color: #9b1c1c; }
[role=status] { padding: .6rem .8rem; border-radius: .4rem; background: #e6f4ea; color: #14532d; }
dt { color: #5b6378; font-size: .85rem; }
dd { margin: 0 0 .6rem; }
"""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(title: str, *parts: str, status: int = 200) -> HTMLResponse:
    """Lay out a page; the parts are HTML already."""
    return HTMLResponse(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · sandbox</title><style>{STYLE}</style></head><body>\n"
        '<div class="sandbox" id="sandbox-notice">Sandbox: this page imitates Stripe. No card is asked for, '
        "no money moves.</div>\n"
        f"<main><h1>{escape(title)}</h1>\n{''.join(parts)}</main></body></html>\n",
        status_code=status,
        headers=HEADERS,
    )


def paragraph(text: str, *, id_: str = "", role: str = "", kind: str = "") -> str:
    """Write a paragraph; what it says is escaped."""
    attributes = _attributes(id=id_, role=role, **{"class": kind})
    return f"<p{attributes}>{escape(text)}</p>\n"


def button(action: str, label: str, *, main: bool = False) -> str:
    """Write a button with the action as its id and value."""
    kind = ' class="main"' if main else ""
    name = f'id="{action}" name="action" value="{action}"'
    return f'<button type="submit" {name}{kind}>{escape(label)}</button>\n'


def form(*buttons: str) -> str:
    """Write a form that posts to its own address."""
    return f'<form method="post">\n{"".join(buttons)}</form>\n'


def link(url: str, label: str, *, id_: str) -> str:
    """Write a link."""
    return f'<p><a id="{id_}" href="{escape(url)}">{escape(label)}</a></p>\n'


def facts(**said: str) -> str:
    """Write a list of facts; a name is the id of its value."""
    rows = (
        f'<dt>{escape(name.capitalize())}</dt><dd id="{name}">{escape(value)}</dd>\n'
        for name, value in said.items()
    )
    return f"<dl>\n{''.join(rows)}</dl>\n"


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value)
