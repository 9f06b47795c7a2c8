"""The twenty-four scenarios: what is done, what must come, and how it is played.

OVO publishes no sheet for Push To Pay. "OVO" are those that its FAQ, its high-level and its
guidance pages state; "ours" are those that a careful reviewer would ask for besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ovo_ptp.uat import pushes, reversals, till, voids_and_checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ovo_ptp.uat.stage import Stage


class Scenario(NamedTuple):
    """One line of the sheet."""

    number: int
    source: str
    title: str
    expect: str
    captures: tuple[str, ...]
    play: Callable[[Stage], str]


OVO, OURS = "OVO", "ours"
TILL, PHONE = "till", "phone"


def _all() -> tuple[Scenario, ...]:
    rows: list[tuple[str, str, str, tuple[str, ...], Any]] = [
        (
            OVO,
            "Inquiry of a registered number",
            "00; the push may follow",
            (TILL,),
            pushes.registered,
        ),
        (
            OVO,
            "Inquiry of an unregistered number",
            "14; a message on the till; no push",
            (TILL,),
            pushes.not_registered,
        ),
        (
            OVO,
            "The customer approves",
            "00; order paid; success page",
            (TILL, PHONE),
            pushes.approved,
        ),
        (
            OVO,
            "The customer cancels in the app",
            '17; "cancelled" is shown',
            (TILL, PHONE),
            pushes.cancelled_in_the_app,
        ),
        (OVO, "Push to an unregistered number", "14; a message", (TILL,), pushes.push_to_nobody),
        (OVO, "The customer is logged out", '26; "log in first"', (TILL, PHONE), pushes.logged_out),
        (
            OVO,
            "The prompt is ignored for 55 s",
            "no code, or an empty 404; reversal at 65 s answered 00; expiry shown",
            (TILL, PHONE),
            reversals.ignored,
        ),
        (
            OVO,
            "Confirmed near 50 s, the answer is dropped, check behind 60 s",
            "00: late paid or reversed, never both",
            (TILL, PHONE),
            reversals.answer_dropped,
        ),
        (
            OVO,
            "The same without status checks",
            "reversal 00; balance back",
            (TILL, PHONE),
            reversals.without_checks,
        ),
        (
            OURS,
            "The reversal gets no answer",
            "repeated with the same numbers until 00",
            (),
            reversals.reversal_unanswered,
        ),
        (
            OVO,
            "Void on the same day",
            "00; full refund",
            (TILL, PHONE),
            voids_and_checks.void_today,
        ),
        (
            OVO,
            "Void on the next day, or partial",
            "refused; nothing sent",
            (TILL,),
            voids_and_checks.void_tomorrow,
        ),
        (
            OVO,
            "Manual check of an unpaid push",
            "25; the original push's date",
            (TILL,),
            voids_and_checks.checked_by_hand,
        ),
        (OVO, "Check before 60 s", "refused here", (TILL,), voids_and_checks.checked_too_early),
        (
            OVO,
            "Three pushes, one of them failing",
            "references follow each other",
            (),
            pushes.three_pushes,
        ),
        (
            OVO,
            "Midnight, or reference 999999",
            "batch by the chosen method",
            (),
            pushes.numbers_by_method,
        ),
        (OURS, "The button is pressed twice", "one push", (TILL,), till.pressed_twice),
        (
            OURS,
            "The till is killed in the middle",
            "one outcome after the restart; the books agree",
            (),
            till.killed,
        ),
        (OURS, "Wrong tid", "EB; generic text; alert", (TILL,), pushes.wrong_terminal),
        (OVO, "Foreign number, landline", "refused; nothing sent", (TILL,), till.foreign_number),
        (
            OVO,
            "Decimal amount; the date field",
            "refused; WIB, three digits of milliseconds",
            (TILL,),
            till.decimals,
        ),
        (
            OVO,
            "The waiting screen",
            "where to look in the app, the time limit",
            (TILL,),
            till.waiting_screen,
        ),
        (
            OURS,
            "The report of the next day",
            "every paid invoice once; unpaid ones absent",
            (),
            till.report_of_the_day,
        ),
        (
            OURS,
            "The cashier cancels while the prompt is open; the customer confirms all the same",
            "not completed at once; reversal at 65 s, balance back",
            (TILL, PHONE),
            reversals.cancelled_at_the_till,
        ),
    ]
    return tuple(Scenario(number, *row) for number, row in enumerate(rows, 1))


SCENARIOS = _all()
