"""Examples in the documentation, run as printed."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import ovo_ptp
import pytest
from ovo_ptp.sandbox import Sandbox

from conftest import PATIENT, ROOT, eventually, serving

README = ROOT / "bindings" / "python" / "README.md"
MODULES = [
    "ovo_ptp",
    *(
        f"ovo_ptp.{name}"
        for name in ("_hidden", "client", "errors", "journal", "reader", "sandbox", "started")
    ),
]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of exactly this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str, ovo: Sandbox, shop: ovo_ptp.Client, tmp_path: Path) -> None:
    names: dict[str, Any] = {"ovo_ptp": ovo_ptp, "sandbox": ovo, "client": shop, "folder": tmp_path}
    names |= {function: getattr(ovo_ptp, function) for function in ovo_ptp.__all__}
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, extraglobs=names, verbose=False)
    assert failed == 0
    assert tried > 0


def test_the_stubs_example() -> None:
    stub = Path(ovo_ptp.__file__).with_name("_native.pyi").read_text(encoding="utf-8")
    stub = stub.replace('"""', "\n")
    examples = doctest.DocTestParser().get_doctest(stub, {"ovo_ptp": ovo_ptp}, "stub", None, 0)
    assert examples.examples
    runner = doctest.DocTestRunner()
    runner.run(examples)
    assert runner.failures == 0


def printed(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_quick_start_prints_what_the_readme_says(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    [code] = blocks(text, "python")
    [said] = blocks(text, "text")
    assert printed(code, tmp_path) == said


def test_the_main_readmes_python_runs(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [code] = blocks(text, "python")
    assert printed(code, tmp_path).startswith("paid, approval code")


def test_the_command_line_of_the_readme_runs(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    [shell] = [block for block in blocks(text, "sh") if "sandbox --port" in block]
    from test_examples import port

    serve, pay = shell.replace("8443", str(port())).strip().split("\n")
    programs = str(Path(sys.executable).parent)
    sandbox, *arguments = shlex.split(serve.removesuffix("&"))
    with serving(f"{programs}/{sandbox}", *arguments, cwd=tmp_path):
        program, *arguments = shlex.split(pay)
        paid = subprocess.run(
            [f"{programs}/{program}", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert paid.returncode == 0, paid.stderr
    assert paid.stdout.startswith("PAID Rp12.500")


def test_the_steps_of_the_readme_do_what_it_says(ovo: Sandbox, tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    steps = [
        ast.literal_eval(step) for step in re.findall(r"^\| `(\{.*?\})` \|", text, re.MULTILINE)
    ]
    lost, unheard, declined, failing, broken = steps

    def told(number: int, step: dict[str, Any], **options: Any) -> tuple[ovo_ptp.AnyOutcome, int]:
        ovo.script(step)
        options = {"timers": PATIENT, "settle_rate": 50, **options}
        with ovo.client(journal=tmp_path / f"{number}.db", first_batch=number, **options) as client:
            outcome = client.pay(f"INV-{number}", amount=5, phone=f"0812345678{number:02}")
            if step is failing:
                eventually(lambda: not client.payments(unsettled=True))
        return outcome, ovo.net(f"INV-{number}")

    outcome, net = told(1, lost)
    assert isinstance(outcome, ovo_ptp.Paid)
    assert (outcome.is_late, net) == (True, 5)
    outcome, net = told(2, unheard)
    assert (outcome.name, net) == ("not completed", 0)
    outcome, net = told(3, declined)
    assert isinstance(outcome, ovo_ptp.Declined)
    assert (outcome.code, net) == ("26", 5)
    ovo.customers(
        {"phone": "081234567804", "cash": 9, "behaviour": {"answer_lost": {"after_ms": 5000}}}
    )
    outcome, net = told(4, failing, late_success="reverse")
    reversals = [request for request in ovo.requests() if request["operation"] == "reversal"]
    assert (outcome.name, net) == ("not completed", 0)
    assert len(reversals) > 3, ovo.requests()
    outcome, net = told(5, broken)
    assert outcome.name == "not completed"


def test_the_readme_names_every_outcome_and_no_call_that_is_not_there() -> None:
    text = README.read_text(encoding="utf-8")
    for outcome in ovo_ptp.outcomes.BY_NAME.values():
        assert f"| `{outcome.__name__}` |" in text
    for call in re.findall(r"client\.(\w+)\(", text):
        assert hasattr(ovo_ptp.Client, call), call
