// The customer's phone, and who decides on it.

const phone = { number: YOU, ignored: new Set(), seen: new Set(), latest: null };

const MANNERS = {
  by_hand: () => ({ by_hand: {} }),
  table: () => null,
  approve: (ms) => ({ approve: { after_ms: ms } }),
  cancel: (ms) => ({ decline: { code: "17", after_ms: ms } }),
  unreachable: (ms) => ({ decline: { code: "26", after_ms: ms } }),
  unregistered: () => ({ decline: { code: "14", after_ms: 0 } }),
  ignore: () => ({ ignore: {} }),
  ignore_silently: () => ({ ignore_silently: {} }),
  answer_lost: (ms) => ({ answer_lost: { after_ms: ms, cut: false } }),
  answer_late: (ms) => ({ answer_late: { after_ms: ms, answer_after_ms: 70000 } }),
  confirm_late: (ms) => ({ confirm_late: { after_ms: 60000 + ms } }),
  decline_but_debited: (ms) => ({ decline_but_debited: { code: "17", after_ms: ms } }),
  pending: (ms) => ({ pending: { answer_after_ms: ms, paid_after_ms: null } }),
};

const TIMED = ["approve", "cancel", "unreachable", "answer_lost", "answer_late", "confirm_late",
  "decline_but_debited", "pending"];

// What the customer does, as one of the manners.
const mannerOf = (customer) => {
  if (!customer) return { name: "by_hand" };
  const [kind, details] = Object.entries(customer.behaviour)[0];
  const ms = kind === "confirm_late" ? details.after_ms - 60000
    : kind === "pending" ? details.answer_after_ms : details.after_ms;
  if (kind === "by_hand") return { name: "by_hand" };
  if (!customer.own) return { name: "table" };
  const codes = { 17: "cancel", 26: "unreachable", 14: "unregistered" };
  const name = kind === "decline" ? codes[details.code] : kind;
  return { name: name || "table", ms };
};

const spoken = (number) => number.replace(/^(\d{4})(\d{4})(\d+)$/, "$1 $2 $3");

const customersKnown = () => {
  const numbers = [...model.customers.keys()];
  return numbers.includes(YOU) ? numbers : [YOU, ...numbers];
};

const paymentsOf = (number) => newestFirst(model.payments).filter((payment) => payment.phone === number);

const choose = (number) => {
  phone.number = number;
  drawPhone();
};

const decide = async (payment, decision) => {
  try {
    await ask("POST", "decide", { id: payment.id, decision });
    phone.latest = payment.id;
  } catch (error) {
    announce(t("refused", error.message));
  }
};

const outcome = (payment) => {
  if (payment.state === "debited") return ["good", t("paid")];
  if (payment.state === "voided") return ["back", t("refunded")];
  if (payment.state === "reversed") return ["back", payment.debits ? t("refunded") : t("barred")];
  if (payment.code === "17") return ["no", t("cancelled")];
  if (payment.code === "51") return ["no", t("tooPoor")];
  if (payment.code === null || payment.code === undefined) return ["no", t("expired")];
  return ["no", t("notPaid", payment.code)];
};

const homeScreen = (customer) => {
  const lately = paymentsOf(phone.number).slice(0, 3).map((payment) => {
    const [kind, text] = payment.state === "open" ? ["", t("state_open")] : outcome(payment);
    return el("li", {}, el("span", {}, payment.invoice), el("span", { class: "number" }, rupiah(payment.amount)),
      el("span", { class: `tone ${kind}` }, text));
  });
  return [
    el("p", { class: "purse" }, el("span", {}, t("balanceCash")),
      el("strong", { class: "cash" }, customer ? rupiah(customer.cash) : "…")),
    customer && customer.points ? el("p", { class: "purse small" }, el("span", {}, t("balancePoints")),
      el("strong", {}, rupiah(customer.points))) : null,
    el("p", { class: "calm" }, t("nothingYet")),
    el("p", { class: "hint" }, t("payHere")),
    lately.length ? el("h3", {}, t("recent")) : null,
    lately.length ? el("ul", { class: "lately" }, ...lately) : null,
  ].filter(Boolean);
};

const promptScreen = (payment) => {
  const ring = el("div", { class: "ring", role: "timer", "aria-live": "off" },
    el("span", { class: "left" }), el("span", { class: "unit", "aria-hidden": "true" }, "s"));
  return [
    el("p", { class: "shop" }, "Sandbox Store ", el("span", { class: "quiet-text" }, payment.store_code)),
    el("h3", { class: "asks", id: "prompt-title", tabindex: "-1" }, t("asks")),
    el("p", { class: "amount" }, rupiah(payment.amount)),
    el("p", { class: "invoice" }, payment.invoice),
    ring,
    el("div", { class: "decision" },
      el("button", { type: "button", class: "pay", click: () => decide(payment, "pay") }, t("pays")),
      el("button", { type: "button", class: "cancel", click: () => decide(payment, "cancel") }, t("cancels")),
      el("button", { type: "button", class: "ignore", click: () => { phone.ignored.add(payment.id); drawPhone(); } }, t("ignores"))),
    isByHand(payment) ? null : el("p", { class: "hint" }, t("byItself", describe(payment.behaviour))),
  ].filter(Boolean);
};

const ignoredScreen = (payment, customer) => [
  ...homeScreen(customer),
  el("div", { class: "notice" },
    el("p", {}, el("span", { class: "ignored-left" })),
    el("button", { type: "button", class: "quiet", click: () => { phone.ignored.delete(payment.id); drawPhone(); } }, t("showAgain"))),
];

const SIGNS = { good: "✓", no: "✕", back: "↩" };

const resultScreen = (payment) => {
  const [kind, text] = outcome(payment);
  return [
    el("div", { class: `sign ${kind}`, "aria-hidden": "true" }, SIGNS[kind]),
    el("h3", { class: "result", tabindex: "-1" }, text),
    el("p", { class: "amount" }, rupiah(payment.amount)),
    el("p", { class: "invoice" }, payment.invoice),
    payment.approval_code && payment.debits ? el("p", { class: "quiet-text" }, t("approval", payment.approval_code)) : null,
    el("div", { class: "decision" },
      el("button", { type: "button", class: "pay", click: () => { phone.seen.add(payment.id); drawPhone(); } }, t("ok"))),
  ].filter(Boolean);
};

const drawScreen = () => {
  const customer = model.customers.get(phone.number);
  const payments = paymentsOf(phone.number);
  const asking = payments.find(isAsking);
  const screen = byId("screen");
  const wasInside = screen.contains(document.activeElement);
  const latest = payments[0];
  let changed;
  if (asking && phone.ignored.has(asking.id)) {
    changed = fill(screen, ["ignored", asking.id, customer, payments.slice(0, 3)], () => ignoredScreen(asking, customer));
  } else if (asking) {
    changed = fill(screen, ["prompt", asking.id], () => promptScreen(asking));
  } else if (latest && latest.state !== "open" && latest.behaviour && !phone.seen.has(latest.id)) {
    changed = fill(screen, ["result", latest.id, latest.state], () => resultScreen(latest));
  } else {
    changed = fill(screen, ["home", customer, payments.slice(0, 3)], () => homeScreen(customer));
  }
  screen.className = `screen ${asking && !phone.ignored.has(asking.id) ? "asking" : ""}`;
  // The button that was pressed is gone: whoever uses the keyboard goes on at what came in its place.
  if (changed && wasInside) (screen.querySelector("h3[tabindex], .notice button") || byId("customer")).focus();
  drawCountdown(asking);
};

const drawCountdown = (asking) => {
  if (!asking) return;
  const left = Math.max(0, Math.ceil(msLeft(asking) / 1000));
  const ring = document.querySelector("#screen .ring");
  if (ring) {
    ring.style.setProperty("--share", Math.max(0, msLeft(asking) / model.host.window_ms));
    ring.classList.toggle("soon", left <= 10);
    const shown = ring.querySelector(".left");
    if (shown.textContent !== String(left)) {
      shown.textContent = left;
      ring.setAttribute("aria-label", t("secondsLeft", left));
    }
  }
  const ignored = document.querySelector("#screen .ignored-left");
  if (ignored) ignored.textContent = t("ignored", left);
};

const drawSwitch = () => {
  const customer = model.customers.get(phone.number);
  const manner = mannerOf(customer);
  const asTable = customer && !customer.own && manner.name === "table"
    ? t("manner_table_now", describe(customer.behaviour)) : t("manner_table");
  const select = byId("manner");
  fill(select, asTable, () => Object.keys(MANNERS).map((name) =>
    el("option", { value: name }, name === "table" ? asTable : t(`manner_${name}`))));
  if (document.activeElement !== select) select.value = manner.name;
  byId("seconds-field").hidden = !TIMED.includes(select.value);
  const spans = byId("seconds");
  if (document.activeElement !== spans && manner.ms !== undefined) spans.value = manner.ms / 1000;
  const balance = byId("balance");
  if (document.activeElement !== balance) balance.value = customer ? customer.cash : "";
  if (model.host) byId("by-hand").checked = model.host.by_hand;
};

const drawPhone = () => {
  const numbers = customersKnown();
  const select = byId("customer");
  fill(select, numbers.map((number) => [number, model.customers.get(number)?.name]), () => numbers.map((number) => {
    const name = number === YOU ? t("you") : model.customers.get(number)?.name;
    return el("option", { value: number }, `${spoken(number)} · ${name}`);
  }));
  select.value = phone.number;
  const asking = openPrompts();
  fill(byId("prompts"), [phone.number, asking.map((payment) => payment.id)], () => asking
    .filter((payment, place) => asking.findIndex((other) => other.phone === payment.phone) === place)
    .map((payment) => el("button", { type: "button", class: "chip", "aria-pressed": payment.phone === phone.number ? "true" : "false",
      click: () => choose(payment.phone) }, `${spoken(payment.phone)} · ${rupiah(payment.amount)}`)));
  drawScreen();
  drawSwitch();
};

const setManner = async () => {
  const name = byId("manner").value;
  const ms = Math.max(0, Math.round(Number(byId("seconds").value) * 1000)) || 0;
  byId("seconds-field").hidden = !TIMED.includes(name);
  await ask("POST", "customers", { phone: phone.number, behaviour: MANNERS[name](ms) });
};

const preparePhone = () => {
  byId("customer").addEventListener("change", (event) => choose(event.target.value));
  byId("manner").addEventListener("change", setManner);
  byId("seconds").addEventListener("change", setManner);
  byId("balance").addEventListener("change", async (event) => {
    const cash = Math.round(Number(event.target.value));
    if (cash >= 0) await ask("POST", "customers", { phone: phone.number, cash });
  });
  byId("by-hand").addEventListener("change", (event) => ask("POST", "config", { by_hand: event.target.checked }));
  byId("add").addEventListener("submit", async (event) => {
    event.preventDefault();
    const number = byId("number").value.replace(/[\s-]/g, "").replace(/^\+?62/, "0");
    const right = /^08[1-9]\d{7,10}$/.test(number);
    byId("number-wrong").textContent = right ? "" : t("numberWrong");
    if (!right) return;
    await ask("POST", "customers", { phone: number });
    byId("number").value = "";
    choose(number);
  });
};

// Follows what is new: a request to pay comes to the front, and what has changed is said aloud.
const noticePayments = (news, before) => {
  news.payments.forEach((payment) => {
    const old = before.get(payment.id);
    const who = spoken(payment.phone);
    if (!old && isAsking(payment)) {
      announce(t("newPrompt", who, "Sandbox Store", rupiah(payment.amount)));
      const busy = paymentsOf(phone.number).some((other) => other.id !== payment.id && isAsking(other) && isByHand(other));
      if (isByHand(payment) && !busy) phone.number = payment.phone;
    } else if (old && old.state !== payment.state) {
      announce(t("nowState", payment.invoice, t(`state_${payment.state}`)));
    }
  });
};
