// What the shop asked and OVO answered, as it happens, and what shall go wrong.

const operationText = (name) => name ? t(`on_${name}`) : t("op_unknown");

// How an answer ended: a word, and a tone for it.
const ending = (request) => {
  if (request.answered_ms === null) return ["…", "open"];
  if (request.answered_ms > hostNow()) return ["…", "open"];
  const said = request.code || (request.status ? `HTTP ${request.status}` : "–");
  if (request.delivery === "none" || said === "–") return [t("noAnswer"), "lost"];
  if (!arrived(request)) return [t("lost", said), "lost"];
  return [said, request.code === "00" ? "good" : request.code ? "no" : "odd"];
};

const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const bodyBox = (title, text, absent) => el("div", {},
  el("h4", {}, title),
  text ? el("pre", { tabindex: "0" }, pretty(text)) : el("p", { class: "quiet-text" }, absent));

const exchangeFacts = (request) => [
  t("connectionNo", request.connection, request.nth),
  request.status && request.delivery !== "none" ? `HTTP ${request.status}` : null,
  t("signature", request.signature),
  request.refusal ? t("refusedBecause", request.refusal) : null,
  request.script ? t("scripted", request.script) : null,
  request.delivery && request.delivery !== "plain" ? t("travelled", request.delivery) : null,
  request.client_gone ? t("shopGone") : null,
].filter(Boolean);

const exchange = (request) => {
  const [said, tone] = ending(request);
  const took = request.answered_ms === null || request.delivery === "none" ? "" : `+${seconds(request.answered_ms - request.at_ms)}`;
  const name = request.copy_of === null ? operationText(request.operation) : t("copy", operationText(request.operation));
  const made = el("details", { class: "exchange", "data-seq": request.seq },
    el("summary", {},
      el("span", { class: "when" }, seconds(request.at_ms)),
      el("span", { class: "what" }, name),
      el("span", { class: "whose" }, request.invoice || request.phone || ""),
      el("span", { class: "took" }, took),
      el("span", { class: `badge ${tone}` }, said)),
    el("div", { class: "bodies" },
      bodyBox(t("request"), request.asked, t("forgottenBody")),
      bodyBox(t("answer"), request.answered, request.answered_ms === null ? t("noneYet") : t("noBody"))),
    el("p", { class: "facts" }, exchangeFacts(request).join(" · ")));
  return made;
};

const shownExchanges = new Map();

const drawWire = () => {
  const wanted = byId("filter").value.trim().toLowerCase();
  const holder = byId("exchanges");
  const requests = newestFirst(model.requests).filter((request) =>
    !wanted || JSON.stringify([request.invoice, request.operation, request.code, request.phone]).toLowerCase().includes(wanted));
  const nodes = requests.map((request) => {
    const signature = JSON.stringify([language, request, ending(request)]);
    const old = shownExchanges.get(request.seq);
    if (old && old.signature === signature) return old.node;
    const node = exchange(request);
    if (old && old.node.open) node.open = true;
    const hadFocus = old && old.node.contains(document.activeElement);
    shownExchanges.set(request.seq, { node, signature, hadFocus });
    return node;
  });
  [...shownExchanges.keys()].filter((seq) => !model.requests.has(seq)).forEach((seq) => shownExchanges.delete(seq));
  const same = nodes.length > 0 && holder.childNodes.length === nodes.length && nodes.every((node, place) => holder.childNodes[place] === node);
  if (!same) holder.replaceChildren(...(nodes.length ? nodes : [el("p", { class: "hint" }, t("noRequests"))]));
  shownExchanges.forEach((shown) => {
    if (shown.hadFocus) shown.node.querySelector("summary").focus();
    shown.hadFocus = false;
  });
};

const OPERATIONS = ["push_to_pay", "check_payment", "reversal", "void", "check_void", "inquiry", "any"];

const ONE_SHOT = {
  f_lose: { deliver: "hang" },
  f_cut: { deliver: "reset" },
  f_delay: { answer: { delay_ms: 10000 } },
  f_duplicate: { act: { duplicate: { gap_ms: 500, answer: "first" } } },
  f_unheard: { act: { unheard: true } },
  f_error: { answer: { code: "ER" }, act: { pretend: true } },
  f_gateway: { answer: { html: 502 } },
};

const ANSWERS_TO = ["any", "failure", "push_to_pay", "decline", "reversal", "void", "check_payment", "check_void", "inquiry"];
const FIELDS = ["merchantInvoice", "type", "processingCode", "tid", "mid", "batchNo", "referenceNumber", "amount", "phone",
  "transactionRequestData", "everything", "hostDate"];
const HOWS = ["absent", "null", "empty", "masked", "blanks_before", "blanks_behind", "newline", "control_characters", "other_case",
  "with_zeros", "without_zeros", "other_type", "country_code", "plus_country_code", "cut 20", "other_sale"];

const answersToText = (name) => TEXTS[language][`to_${name}`] ? t(`to_${name}`) : operationText(name);

const howValue = (text) => text.startsWith("cut ") ? { cut: Number(text.slice(4)) } : text;
const howText = (how) => typeof how === "string" ? how : Object.entries(how)[0].join(" ");
const habitText = (habit) => `${answersToText(habit.operation)}: ${habit.field} ${howText(habit.how)}`;

// Does what a control asks; a refusal is said beside it.
const control = async (work) => {
  try {
    await work();
    byId("fault-wrong").textContent = "";
  } catch (error) {
    byId("fault-wrong").textContent = t("refused", error.message);
  }
};

const drawFaults = () => {
  const host = model.host;
  if (!host) return;
  byId("down").checked = host.connections.some((step) => step.fault === "reset_at_accept" && step.times === 0);
  byId("reversals-ignored").checked = host.reversals_ignored;
  byId("tombstones").checked = host.tombstones;
  fill(byId("armed"), [host.steps, host.sloppy, host.connections], () => [
    ...host.steps.map((step) => el("span", { class: "step" }, t("armedStep", operationText(step.on), step.what),
      step.times === 1 ? null : el("em", {}, ` ${step.times === 0 ? t("armedAlways") : t("armedTimes", step.times)}`))),
    ...host.connections.map((step) => el("span", { class: "step" }, step.fault)),
    ...host.sloppy.map((habit, place) => el("button", { type: "button", class: "step habit", "aria-label": t("removeHabit", habitText(habit)),
      click: () => control(() => ask("POST", "config", { sloppy: host.sloppy.filter((other, at) => at !== place) })) }, `${habitText(habit)} ✕`)),
    host.steps.length + host.connections.length ? el("button", { type: "button", class: "quiet", click: () => control(() => ask("DELETE", "script")) }, t("clear")) : null,
  ].filter(Boolean));
};

const drawFaultChoices = () => {
  options(byId("on"), OPERATIONS.map((name) => [name, operationText(name)]));
  options(byId("sloppy-operation"), ANSWERS_TO.map((name) => [name, answersToText(name)]));
  options(byId("sloppy-field"), FIELDS.map((name) => [name, name]));
  options(byId("sloppy-how"), HOWS.map((name) => [name, name]));
  byId("one-shot").replaceChildren(...Object.entries(ONE_SHOT).map(([name, step]) => el("button", { type: "button", class: "fault", "data-fault": name,
    click: () => control(() => ask("POST", "script", [{ on: byId("on").value, ...step }])) }, t(name))));
};

const prepareFaults = () => {
  byId("filter").addEventListener("input", drawWire);
  byId("down").addEventListener("change", (event) => control(() => event.target.checked
    ? ask("POST", "script", { connections: [{ fault: "reset_at_accept", times: 0 }] })
    : ask("DELETE", "script/connections")));
  byId("reversals-ignored").addEventListener("change", (event) => control(() => ask("POST", "config", { reversals_ignored: event.target.checked })));
  byId("tombstones").addEventListener("change", (event) => control(() => ask("POST", "config", { tombstones: event.target.checked })));
  byId("sloppy-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const habit = { operation: byId("sloppy-operation").value, field: byId("sloppy-field").value, how: howValue(byId("sloppy-how").value) };
    control(() => ask("POST", "config", { sloppy: [...model.host.sloppy, habit] }));
  });
};
