"""The review as one page, for printing or PDF: expected, seen, passed, exchanges, pictures."""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
from typing import TYPE_CHECKING, Any

from ovo_ptp._wib import WIB
from ovo_ptp.uat.scenarios import SCENARIOS

if TYPE_CHECKING:
    from pathlib import Path

    from ovo_ptp.uat.folder import Folder
    from ovo_ptp.uat.scenarios import Scenario

KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
#: What only OVO can do or send, in the order in which it is needed.
CHECKLIST = (
    "OVO: staging credentials (merchant id, store code, tid, mid, app id, app key)",
    "Merchant: public key sent to OVO (`ovo-ptp credentials new`)",
    "Merchant: public addresses of the tills' way out sent to OVO, to be admitted",
    "OVO: Check Payment in the contract, and how a void is asked about",
    "OVO: this review approved",
    "OVO: production credentials, encrypted with the public key (`ovo-ptp credentials open`)",
    "Merchant: `ovo-ptp doctor --environment production`; a first payment, and its void",
    "OVO: who is called at night, and by which numbers (batch, reference) they look",
)
STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1d1d1f;
       margin: 2rem auto; max-width: 52rem; padding: 0 1rem }
h1 { font-size: 1.6rem }
h2 { font-size: 1.1rem; margin: 0 0 .4rem }
table { border-collapse: collapse; width: 100% }
td, th { border: 1px solid #ccc; padding: .3rem .5rem; text-align: left; vertical-align: top }
section { border-top: 2px solid #4c2a86; margin-top: 1.6rem; padding-top: .8rem;
          break-inside: avoid-page }
td:last-child { white-space: nowrap }
.passed { color: #0a6b2d } .failed { color: #a3160b } .waiting, .missing { color: #6b5200 }
dl { display: grid; grid-template-columns: 7rem 1fr; gap: .2rem .8rem; margin: .4rem 0 }
dt { color: #555 } dd { margin: 0 }
pre { background: #f6f5f8; padding: .6rem; overflow-wrap: anywhere; white-space: pre-wrap;
      font-size: 12px }
img { max-width: 100%; max-height: 28rem; border: 1px solid #ccc }
.slot { border: 2px dashed #bbb; color: #666; padding: 1.2rem; margin: .4rem 0 }
@media print { body { margin: 0; max-width: none } summary { display: none } }
"""


def page(folder: Folder, *, merchant: str, environment: str) -> str:
    """The whole page; nothing on it is loaded from elsewhere."""
    now = dt.datetime.now(WIB)
    played = {scenario.number: folder.seen(scenario.number) for scenario in SCENARIOS}
    count = sum(seen.get("state") == "passed" for seen in played.values())
    rows = "".join(
        f"<tr><td>{it.number}</td><td>{_text(it.title)}</td><td>{_state(played[it.number])}</td>"
        f"<td>{_text(played[it.number].get('at', ''))}</td></tr>"
        for it in SCENARIOS
    )
    tasks = "".join(f"<li>&#9744; {_text(task)}</li>" for task in CHECKLIST)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>OVO Push To Pay, UAT of merchant {_text(merchant)}</title><style>{STYLE}</style>"
        f"<h1>OVO Push To Pay: user acceptance test</h1>"
        f"<dl><dt>Merchant</dt><dd>{_text(merchant)}</dd><dt>Environment</dt>"
        f"<dd>{_text(environment)}</dd><dt>Written</dt><dd>{now:%Y-%m-%d %H:%M:%S} WIB</dd>"
        f"<dt>Passed</dt><dd>{count} of {len(SCENARIOS)}</dd></dl>"
        "<table><thead><tr><th>#</th><th>Scenario</th><th>Result</th><th>When (WIB)</th></tr>"
        "</thead>"
        f"<tbody>{rows}</tbody></table>"
        + "".join(_section(folder, it, played[it.number]) for it in SCENARIOS)
        + f"<section><h2>What is left to be done or sent</h2><ul>{tasks}</ul></section></html>\n"
    )


def raw(folder: Folder) -> str:
    """All exchanges as one JSON value, by scenario."""
    every: dict[str, Any] = {
        str(it.number): {
            "title": it.title,
            "expect": it.expect,
            **folder.seen(it.number),
            "exchanges": folder.exchanges(it.number),
        }
        for it in SCENARIOS
    }
    return json.dumps(every, indent=1, ensure_ascii=False) + "\n"


def _text(value: object) -> str:
    return html.escape(str(value))


def _state(seen: dict[str, Any]) -> str:
    state = seen.get("state", "not played")
    kind = state if state in ("passed", "failed", "waiting") else "missing"
    return f'<strong class="{kind}">{_text(state)}</strong>'


def _section(folder: Folder, it: Scenario, seen: dict[str, Any]) -> str:
    exchanges = "".join(_exchange(exchange) for exchange in folder.exchanges(it.number))
    return (
        f'<section id="s{it.number}"><h2>{it.number}. {_text(it.title)} '
        f"<small>({_text(it.source)})</small></h2><dl>"
        f"<dt>Expected</dt><dd>{_text(it.expect)}</dd>"
        f"<dt>Seen</dt><dd>{_text(seen.get('seen', '-'))}</dd>"
        f"<dt>Result</dt><dd>{_state(seen)} {_text(seen.get('at', ''))}</dd></dl>"
        f"{exchanges}{_pictures(folder, it)}</section>"
    )


def _exchange(exchange: dict[str, Any]) -> str:
    status = exchange["http_status"]
    ended = f"HTTP {status}" if status is not None else exchange["ended"]
    request = json.dumps(exchange["request"], indent=1, ensure_ascii=False)
    response = json.dumps(exchange["response"], indent=1, ensure_ascii=False)
    return (
        f"<details open><summary>{_text(exchange['at'])} {_text(exchange['operation'])}</summary>"
        f"<p>{_text(exchange['at'])} WIB, {_text(exchange['operation'])}: {_text(ended)}, "
        f"{_text(exchange['took_ms'])} ms</p>"
        f"<pre>{_text(request)}</pre><pre>{_text(response)}</pre></details>"
    )


def _pictures(folder: Folder, it: Scenario) -> str:
    """Those that lie in the scenario's folder; a slot for each kind that is not there."""
    found = list(folder.pictures(it.number))
    shown = "".join(_picture(file) for file in found)
    missing = "".join(
        f'<div class="slot">screenshot of the {_text(kind)}: put it into '
        f"{it.number:02}/{_text(kind)}.png, and write the page again</div>"
        for kind in it.captures
        if not any(file.stem.lower().startswith(kind) for file in found)
    )
    return shown + missing


def _picture(file: Path) -> str:
    data = base64.b64encode(file.read_bytes()).decode()
    kind = KINDS[file.suffix.lower()]
    name = _text(file.name)
    return (
        f'<figure><img alt="{name}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{name}</figcaption></figure>"
    )
